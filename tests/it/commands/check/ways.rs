//! Ways to Kafka that lead nowhere, each for a reason of its own.

use super::{Bridge, Expected, free_address};
use crate::ingress::tls::authority::Authority;
use crate::kit::kafka::Kafka;
use crate::kit::secured::{PLAIN, SCRAM, Secured};
use std::fs;
use std::net::TcpListener;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const SERVERS: &str = "kafka.bootstrap_servers";

/// A password that is nobody's.
const HUSH: &str = "hush-4711";

fn secured() -> &'static Secured {
    static SECURED: OnceLock<Secured> = OnceLock::new();
    SECURED.get_or_init(Kafka::start_secured)
}

fn with(server: &str, properties: &[(&str, &str)]) -> Bridge {
    let mut bridge = Bridge::new(server);
    let property = |(name, value): &(&str, &str)| format!("kafka.properties.{name}={value}");
    bridge.settings.extend(properties.iter().map(property));
    bridge
}

fn login<'a>(protocol: &'a str, mechanism: &'a str, password: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("security.protocol", protocol),
        ("sasl.mechanism", mechanism),
        ("sasl.username", PLAIN.name),
        ("sasl.password", password),
    ]
}

fn fails<'a>(words: &'a [&'a str]) -> Expected<'a> {
    ("failure", SERVERS, words)
}

/// A misconfiguration: its name, the bridge that has it, and what is to be found.
type Case<'a> = (&'a str, Bridge, Expected<'a>);

/// Some of them wait for an answer that never comes, so they do it together.
fn each_is_named(cases: Vec<Case<'_>>) {
    std::thread::scope(|scope| {
        for (name, bridge, expected) in &cases {
            scope.spawn(move || {
                let report = bridge.check(&[]);
                report.says(name, *expected);
                assert!(report.has(("skipped", "kafka", &["topics"])), "{name}: {}", report.bad());
                assert!(!report.bad().contains(HUSH), "{name}: {}", report.bad());
            });
        }
    });
}

#[test]
fn server_that_is_not_there_is_named() {
    let dead = free_address();
    let lost = "no-such-host.invalid:9092";
    let both = format!("{dead},{lost}");
    each_is_named(vec![
        ("dead broker", with(&dead, &[]), fails(&[&dead, "connection refused", "start the broker"])),
        ("unknown name", with(lost, &[]), fails(&[lost, "does not resolve", "DNS"])),
        ("first of both", with(&both, &[]), fails(&[&dead, "connection refused"])),
        ("second of both", with(&both, &[]), fails(&[lost, "does not resolve"])),
    ]);
}

#[test]
fn one_dead_server_of_two_is_a_warning() {
    let dead = free_address();
    let report = with(&format!("{dead},{}", secured().kafka.bootstrap()), &[]).check(&[]);
    report.says("one of two", ("warning", SERVERS, &[&dead, "connection refused"]));
    assert!(report.has(("ok", SERVERS, &[secured().kafka.bootstrap()])), "{}", report.bad());
    assert!(report.has(("ok", "kafka.brokers", &["1 broker"])), "the rest is looked at: {}", report.bad());
}

#[test]
fn server_that_never_answers_does_not_hold_up_the_report() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("its address").to_string();
    let begun = Instant::now();
    each_is_named(vec![(
        "silent",
        with(&address, &[]),
        fails(&[&address, "then no answer", "broker's log"]),
    )]);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[test]
fn tls_that_does_not_come_about_is_named() {
    let ca = secured().ca.display().to_string();
    let tls = |server: &str, ca: &str| with(server, &[("security.protocol", "ssl"), ("ssl.ca.location", ca)]);
    let named = secured().tls.replace("127.0.0.1", "localhost");
    let folder = tempfile::tempdir().expect("a folder");
    let other = folder.path().join("other.pem");
    fs::write(&other, Authority::new().pair().certificate).expect("a file");
    let other = other.display().to_string();
    let plain = secured().kafka.bootstrap();
    let sasl = login("sasl_plaintext", PLAIN.mechanism, PLAIN.password);
    each_is_named(vec![
        ("other name", tls(&named, &ca), fails(&["not for localhost", "alternative name"])),
        ("other authority", tls(&secured().tls, &other), fails(&["no authority", "ssl.ca.location"])),
        ("TLS to plaintext", tls(plain, &ca), fails(&["TLS was begun", "PLAINTEXT"])),
        (
            "no certificate of its own",
            tls(&secured().mutual_tls, &ca),
            fails(&["client's certificate", "ssl.certificate.location"]),
        ),
        ("plaintext to TLS", with(&secured().tls, &[]), fails(&["no TLS was begun", "SSL"])),
        ("login without TLS", with(&secured().sasl_tls, &sasl), fails(&["no TLS was begun", "SASL_SSL"])),
    ]);
    let good = tls(&secured().tls, &ca).check(&[]);
    assert!(good.has(("ok", SERVERS, &["over TLS"])), "{}", good.bad());
}

#[test]
fn login_that_is_refused_is_named_and_the_password_is_not() {
    let sasl = |mechanism, password| with(&secured().sasl, &login("sasl_plaintext", mechanism, password));
    let plain = secured().kafka.bootstrap();
    let unwanted = with(plain, &login("sasl_plaintext", PLAIN.mechanism, HUSH));
    each_is_named(vec![
        ("wrong password", sasl(PLAIN.mechanism, HUSH), fails(&["wrong user or password", "sasl.password"])),
        (
            "wrong password, SCRAM",
            sasl(SCRAM.mechanism, HUSH),
            fails(&["wrong user or password", "SCRAM-SHA-256"]),
        ),
        (
            "mechanism not offered",
            sasl("SCRAM-SHA-512", HUSH),
            fails(&["does not offer", "SCRAM-SHA-512", "to one of", "SCRAM-SHA-256"]),
        ),
        ("no login", with(&secured().sasl, &[]), fails(&["wants a login", "SASL_PLAINTEXT"])),
        ("login where none is wanted", unwanted, fails(&["wants none", "PLAINTEXT"])),
    ]);
    let good = sasl(PLAIN.mechanism, PLAIN.password).check(&[]);
    assert!(good.has(("ok", SERVERS, &["lets the bridge's user in"])), "{}", good.bad());
}

/// No cluster is contacted: librdkafka could not create a client.
#[test]
fn client_that_cannot_be_created_is_a_bad_setting() {
    let ca = [("security.protocol", "ssl"), ("ssl.ca.location", "/no/such/ca.pem")];
    let login = login("sasl_plaintext", "CRAM-MD5", HUSH);
    for (bridge, key, words) in [
        (with("127.0.0.1:1", &ca), "kafka.properties.ssl.ca.location", "no Kafka client can be created"),
        (with("127.0.0.1:1", &login), "kafka.properties.sasl.mechanism", "CRAM-MD5 is not built in"),
    ] {
        let report = bridge.check(&[]);
        let is_named = report.findings.iter().any(|finding| {
            finding["level"] == "failure"
                && finding["key"] == key
                && finding["text"].as_str().is_some_and(|text| text.contains(words))
        });
        assert!(is_named, "{key}: {}", report.bad());
        assert_eq!(report.code, 78, "{key}: {}", report.bad());
        assert!(report.has(("skipped", "kafka", &["the settings right first"])), "{key}: {}", report.bad());
        assert!(!report.bad().contains(HUSH), "{key}: {}", report.bad());
    }
}
