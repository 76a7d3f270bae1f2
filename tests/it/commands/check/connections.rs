use super::{Bridge, Expected, free_address};
use crate::ingress::tls::authority::Authority;
use crate::kit::kafka::Kafka;
use crate::kit::secured::{PLAIN, SCRAM, Secured};
use std::fs;
use std::net::TcpListener;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const SERVERS: &str = "kafka.bootstrap_servers";

const WRONG_PASSWORD: &str = "hush-4711";

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

type Case<'a> = (&'a str, Bridge, Expected<'a>);

/// Runs all cases at once, because some wait for a timeout.
fn assert_each_finding(cases: Vec<Case<'_>>) {
    std::thread::scope(|scope| {
        for (name, bridge, expected) in &cases {
            scope.spawn(move || {
                let report = bridge.check(&[]);
                report.assert_finding(name, *expected);
                assert!(report.has(("skipped", "kafka", &["topics"])), "{name}: {}", report.problems());
                assert!(!report.problems().contains(WRONG_PASSWORD), "{name}: {}", report.problems());
            });
        }
    });
}

#[test]
fn unreachable_server_is_reported() {
    let dead = free_address();
    let lost = "no-such-host.invalid:9092";
    let both = format!("{dead},{lost}");
    assert_each_finding(vec![
        ("dead broker", with(&dead, &[]), fails(&[&dead, "connection refused", "start the broker"])),
        ("unknown name", with(lost, &[]), fails(&[lost, "does not resolve", "DNS"])),
        ("first of both", with(&both, &[]), fails(&[&dead, "connection refused"])),
        ("second of both", with(&both, &[]), fails(&[lost, "does not resolve"])),
    ]);
}

#[test]
fn one_unreachable_server_of_two_is_a_warning() {
    let dead = free_address();
    let report = with(&format!("{dead},{}", secured().kafka.bootstrap()), &[]).check(&[]);
    report.assert_finding("one of two", ("warning", SERVERS, &[&dead, "connection refused"]));
    assert!(report.has(("ok", SERVERS, &[secured().kafka.bootstrap()])), "{}", report.problems());
    assert!(
        report.has(("ok", "kafka.brokers", &["1 broker"])),
        "other checks do not run: {}",
        report.problems()
    );
}

#[test]
fn silent_server_does_not_delay_the_report() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("its address").to_string();
    let begun = Instant::now();
    assert_each_finding(vec![(
        "silent",
        with(&address, &[]),
        fails(&[&address, "then no answer", "broker's log"]),
    )]);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[test]
fn failed_tls_handshake_is_reported() {
    let ca = secured().ca.display().to_string();
    let tls = |server: &str, ca: &str| with(server, &[("security.protocol", "ssl"), ("ssl.ca.location", ca)]);
    let named = secured().tls.replace("127.0.0.1", "localhost");
    let folder = tempfile::tempdir().expect("a folder");
    let other = folder.path().join("other.pem");
    fs::write(&other, Authority::new().pair().certificate).expect("a file");
    let other = other.display().to_string();
    let plain = secured().kafka.bootstrap();
    let sasl = login("sasl_plaintext", PLAIN.mechanism, PLAIN.password);
    assert_each_finding(vec![
        ("other name", tls(&named, &ca), fails(&["not for localhost", "alternative name"])),
        (
            "other authority",
            tls(&secured().tls, &other),
            fails(&["not from an authority", "ssl.ca.location"]),
        ),
        ("TLS to plaintext", tls(plain, &ca), fails(&["uses TLS", "PLAINTEXT"])),
        (
            "no certificate of its own",
            tls(&secured().mutual_tls, &ca),
            fails(&["client's certificate", "ssl.certificate.location"]),
        ),
        ("plaintext to TLS", with(&secured().tls, &[]), fails(&["does not use TLS", "SSL"])),
        ("login without TLS", with(&secured().sasl_tls, &sasl), fails(&["does not use TLS", "SASL_SSL"])),
    ]);
    let good = tls(&secured().tls, &ca).check(&[]);
    assert!(good.has(("ok", SERVERS, &["over TLS"])), "{}", good.problems());
}

#[test]
fn failed_login_is_reported_without_the_password() {
    let sasl = |mechanism, password| with(&secured().sasl, &login("sasl_plaintext", mechanism, password));
    let plain = secured().kafka.bootstrap();
    let unwanted = with(plain, &login("sasl_plaintext", PLAIN.mechanism, WRONG_PASSWORD));
    assert_each_finding(vec![
        (
            "wrong password",
            sasl(PLAIN.mechanism, WRONG_PASSWORD),
            fails(&["wrong user or password", "sasl.password"]),
        ),
        (
            "wrong password, SCRAM",
            sasl(SCRAM.mechanism, WRONG_PASSWORD),
            fails(&["wrong user or password", "SCRAM-SHA-256"]),
        ),
        (
            "mechanism not offered",
            sasl("SCRAM-SHA-512", WRONG_PASSWORD),
            fails(&["does not offer", "SCRAM-SHA-512", "to one of", "SCRAM-SHA-256"]),
        ),
        ("no login", with(&secured().sasl, &[]), fails(&["requires SASL", "SASL_PLAINTEXT"])),
        ("login where none is wanted", unwanted, fails(&["uses SASL", "PLAINTEXT"])),
    ]);
    let good = sasl(PLAIN.mechanism, PLAIN.password).check(&[]);
    assert!(good.has(("ok", SERVERS, &["accepts the bridge's user"])), "{}", good.problems());
}

#[test]
fn client_that_cannot_be_created_is_an_invalid_setting() {
    let ca = [("security.protocol", "ssl"), ("ssl.ca.location", "/no/such/ca.pem")];
    let login = login("sasl_plaintext", "CRAM-MD5", WRONG_PASSWORD);
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
        assert!(is_named, "{key}: {}", report.problems());
        assert_eq!(report.code, 78, "{key}: {}", report.problems());
        assert!(
            report.has(("skipped", "kafka", &["correct the settings first"])),
            "{key}: {}",
            report.problems()
        );
        assert!(!report.problems().contains(WRONG_PASSWORD), "{key}: {}", report.problems());
    }
}
