//! Ways to Kafka that lead nowhere, each for a reason of its own.

use super::{Bridge, Expected, free_address};
use crate::kit::kafka::Kafka;
use crate::kit::secured::{PLAIN, SCRAM, Secured};
use crate::tls::authority::Authority;
use std::fs;
use std::net::TcpListener;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const SERVERS: &str = "kafka.bootstrap_servers";

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

#[track_caller]
fn says(name: &str, bridge: &Bridge, expected: Expected<'_>) {
    let report = bridge.check(&[]);
    report.says(name, expected);
    assert!(report.has(("skipped", "kafka", &["topics"])), "{name}: {}", report.bad());
}

#[test]
fn server_that_is_not_there_is_named() {
    let dead = free_address();
    says(
        "dead broker",
        &with(&dead, &[]),
        ("failure", SERVERS, &[&dead, "connection refused", "start the broker"]),
    );
    let lost = with("no-such-host.invalid:9092", &[]);
    says("unknown name", &lost, ("failure", SERVERS, &["no-such-host.invalid", "does not resolve", "DNS"]));
    let both = with(&format!("{dead},no-such-host.invalid:9092"), &[]);
    says("both", &both, ("failure", SERVERS, &[&dead, "connection refused"]));
    says("both", &both, ("failure", SERVERS, &["does not resolve"]));
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
    says("silent", &with(&address, &[]), ("failure", SERVERS, &[&address, "then no answer", "broker's log"]));
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[test]
fn tls_that_does_not_come_about_is_named() {
    let ca = secured().ca.display().to_string();
    let tls = |server: &str, ca: &str| with(server, &[("security.protocol", "ssl"), ("ssl.ca.location", ca)]);
    let named = secured().tls.replace("127.0.0.1", "localhost");
    says("other name", &tls(&named, &ca), ("failure", SERVERS, &["not for localhost", "alternative name"]));
    let folder = tempfile::tempdir().expect("a folder");
    let other = folder.path().join("other.pem");
    fs::write(&other, Authority::new().pair().certificate).expect("a file");
    let other = other.display().to_string();
    says(
        "other authority",
        &tls(&secured().tls, &other),
        ("failure", SERVERS, &["no authority", "ssl.ca.location"]),
    );
    says(
        "to plaintext",
        &tls(secured().kafka.bootstrap(), &ca),
        ("failure", SERVERS, &["TLS was begun", "PLAINTEXT"]),
    );
    says("plaintext", &with(&secured().tls, &[]), ("failure", SERVERS, &["no TLS was begun", "SSL"]));
    let sasl = with(&secured().sasl_tls, &login("sasl_plaintext", PLAIN.mechanism, PLAIN.password));
    says("login without TLS", &sasl, ("failure", SERVERS, &["no TLS was begun", "SASL_SSL"]));
    let missing = tls(&secured().tls, "/no/such/ca.pem");
    says("no file", &missing, ("failure", SERVERS, &["ssl.ca.location", "correct that property"]));
    let good = tls(&secured().tls, &ca).check(&[]);
    assert!(good.has(("ok", SERVERS, &["over TLS"])), "{}", good.bad());
}

#[test]
fn login_that_is_refused_is_named_and_the_password_is_not() {
    let wrong = with(&secured().sasl, &login("sasl_plaintext", PLAIN.mechanism, "hush-4711"));
    says("wrong password", &wrong, ("failure", SERVERS, &["wrong user or password", "sasl.password"]));
    assert!(!wrong.check(&[]).bad().contains("4711"));
    let scram = with(&secured().sasl, &login("sasl_plaintext", SCRAM.mechanism, "hush-4711"));
    says("wrong password, SCRAM", &scram, ("failure", SERVERS, &["wrong user or password", "SCRAM-SHA-256"]));
    let offered = with(&secured().sasl, &login("sasl_plaintext", "SCRAM-SHA-512", PLAIN.password));
    says(
        "mechanism not offered",
        &offered,
        ("failure", SERVERS, &["does not offer", "SCRAM-SHA-512", "SCRAM-SHA-256"]),
    );
    let unknown = with(&secured().sasl, &login("sasl_plaintext", "CRAM-MD5", PLAIN.password));
    says("unknown mechanism", &unknown, ("failure", SERVERS, &["CRAM-MD5", "no SASL mechanism", "PLAIN"]));
    says("no login", &with(&secured().sasl, &[]), ("failure", SERVERS, &["wants a login", "SASL_PLAINTEXT"]));
    let unwanted =
        with(secured().kafka.bootstrap(), &login("sasl_plaintext", PLAIN.mechanism, PLAIN.password));
    says("login where none is wanted", &unwanted, ("failure", SERVERS, &["wants none", "PLAINTEXT"]));
    let good = with(&secured().sasl, &login("sasl_plaintext", PLAIN.mechanism, PLAIN.password)).check(&[]);
    assert!(good.has(("ok", SERVERS, &["lets the bridge's user in"])), "{}", good.bad());
}
