use super::events::documented;
use super::markers::marker;
use super::trace_level_logs::VerboseBridge;
use crate::kit::bridge::{UNSIGNED, until};
use crate::kit::kafka::Kafka;
use crate::kit::secured::{PLAIN, SCRAM, User};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

fn credentials(user: &User, password: &str) -> Vec<String> {
    vec![
        UNSIGNED.into(),
        format!("kafka.properties.sasl.mechanism={}", user.mechanism),
        format!("kafka.properties.sasl.username={}", user.name),
        password.into(),
    ]
}

fn start(format: &str, bootstrap: &str, settings: &[String]) -> VerboseBridge {
    let settings: Vec<_> = settings.iter().map(String::as_str).collect();
    VerboseBridge::start(format, bootstrap, &settings, &[])
        .with_secret(PLAIN.password)
        .with_secret(SCRAM.password)
}

#[test]
fn passwords_are_never_shown_when_a_broker_dies() {
    let cluster = Kafka::start_secured();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    fs::write(&file, SCRAM.password).expect("a file");
    let wrong = format!("kafka.properties.sasl.password={}", marker("password"));
    let from_file = format!("kafka.properties_files.sasl.password={}", file.display());
    let tls = [
        "kafka.properties.security.protocol=sasl_ssl".to_owned(),
        format!("kafka.properties.ssl.ca.location={}", cluster.ca.display()),
        format!("kafka.properties.ssl.key.password={}", marker("keypassword")),
    ];
    let plain = "kafka.properties.security.protocol=sasl_plaintext".to_owned();
    let deadline = "kafka.ack_deadline=500ms".to_owned();

    for user in [&PLAIN, &SCRAM] {
        let settings = [credentials(user, &wrong), vec![plain.clone(), deadline.clone()]].concat();
        let shut = start("json", &cluster.sasl, &settings);
        assert_eq!(shut.post(&documented()), "503 ack_deadline");
        shut.wait_for_line("uthentication");
        shut.finish();
    }

    let inline = format!("kafka.properties.sasl.password={}", PLAIN.password);
    let open = start("text", &cluster.sasl, &[credentials(&PLAIN, &inline), vec![plain]].concat());
    open.wait_ready(true);
    assert_eq!(open.post(&documented()), "200 acked");
    open.finish();

    let settings = [credentials(&SCRAM, &from_file), tls.to_vec(), vec![deadline]].concat();
    let bridge = start("json", &cluster.sasl_tls, &settings);
    bridge.wait_ready(true);
    // The first event opens a topic, for which half a second can be short.
    until("an event", || bridge.post(&documented()) == "200 acked");
    let stopping = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut responses = Vec::new();
            while !stopping.load(Ordering::Acquire) {
                responses.push(bridge.post(&documented()));
            }
            responses
        });
        until("some events", || bridge.get(bridge.admin, "/metrics").text().contains("outcome=\"acked\""));
        cluster.kafka.kill();
        bridge.wait_ready(false);
        cluster.kafka.restart();
        bridge.wait_ready(true);
        until("an event again", || bridge.post(&documented()) == "200 acked");
        stopping.store(true, Ordering::Release);
        let responses = sender.join().expect("a sender");
        assert!(responses.iter().any(|output| output.starts_with("503")), "{responses:?}");
    });
    bridge.finish();
}

#[test]
fn stop_under_load_shows_no_personal_data() {
    let mut bridge = VerboseBridge::start("json", Kafka::shared().bootstrap(), &[UNSIGNED], &[]);
    bridge.wait_ready(true);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| while bridge.try_post(&documented()).is_some() {});
        }
        until("some events", || bridge.get(bridge.admin, "/metrics").text().contains("outcome=\"acked\""));
        bridge.signal("TERM");
        bridge.wait_for_line("stopped: nothing was left");
    });
    bridge.ended();
}
