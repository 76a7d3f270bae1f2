use super::events::{documented, documented_with, live, url};
use super::markers::marker;
use super::trace_level_logs::{FORMATS, VerboseBridge, run};
use crate::kit::bridge::{UNSIGNED, until};
use crate::kit::kafka::Kafka;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rusqlite::Connection;
use std::path::Path;
use std::time::Duration;

fn unused_address() -> String {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    free.expect("a port").to_string()
}

#[test]
fn refused_events_are_never_shown() {
    for format in FORMATS {
        let settings = [
            UNSIGNED,
            "kafka.ack_deadline=150ms",
            "kafka.properties.queue.buffering.max.messages=3",
            "server.max_body_bytes=8 KiB",
            "server.max_in_flight=64 KiB",
            "shutdown.timeout=4s",
        ];
        let bridge = VerboseBridge::start(format, &unused_address(), &settings, &[]);
        let twice = documented();
        assert_eq!(bridge.post(&twice), "503 ack_deadline");
        let mut responses: Vec<_> = [bridge.post(&twice)].into();
        for _ in 0..4 {
            responses.push(bridge.post(&documented()));
            responses.push(bridge.post(&live(&url())));
            responses.push(bridge.post(marker("nojson").as_bytes()));
        }
        responses.sort();
        responses.dedup();
        assert!(
            responses.len() >= 2 && responses.iter().all(|output| output.starts_with("503 ")),
            "{responses:?}"
        );
        bridge.finish();
    }
}

#[test]
fn records_refused_by_a_broker_are_never_shown() {
    let mock: MockCluster<'_, DefaultProducerContext> = MockCluster::new(1).expect("a mock cluster");
    let prefix = format!("{}.", crate::kit::topic_name("secrecy"));
    for topic in ["call.completed", "dead-letter"] {
        mock.create_topic(&format!("{prefix}{topic}"), 1, 1).expect("a topic");
    }
    let (prefix, deadline) = (format!("topics.prefix={prefix}"), "kafka.ack_deadline=5s");
    let bridge = VerboseBridge::start("json", &mock.bootstrap_servers(), &[UNSIGNED, &prefix, deadline], &[]);
    bridge.wait_ready(true);
    // A refused batch is sent again, each record alone.
    for (error, answer) in [
        (RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "200 acked"),
        (RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_RECORD, "200 acked"),
        (RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "503 kafka"),
    ] {
        until("an acknowledgement", || bridge.post(&documented()) == "200 acked");
        mock.request_errors(RDKafkaApiKey::Produce, &[error]);
        assert_eq!(bridge.post(&documented()), answer, "{error:?}");
    }
    until("an acknowledgement", || bridge.post(&documented()) == "200 acked");
    let out_of_step = RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    mock.request_errors(RDKafkaApiKey::Produce, &[out_of_step]);
    bridge.post(&documented());
    bridge.wait_for_line("the producer was replaced");
    bridge.wait_for_line("a record was not acknowledged");
    bridge.finish();
}

#[test]
fn events_during_the_stop_are_never_shown() {
    let settings = [UNSIGNED, "kafka.ack_deadline=3s", "shutdown.timeout=5s"];
    let mut bridge = VerboseBridge::start("json", &unused_address(), &settings, &[]);
    std::thread::scope(|scope| {
        let held = scope.spawn(|| bridge.post(&documented()));
        until("a request in flight", || {
            bridge.get(bridge.admin, "/metrics").text().contains("in_flight_requests 1")
        });
        bridge.signal("TERM");
        bridge.wait_for_line("finishing what is in flight");
        until("the closed gate", || bridge.post(&documented()) == "503 shutting_down");
        assert_eq!(held.join().expect("an answer"), "503 ack_deadline");
    });
    bridge.ended();
}

fn spooling<'a>(directory: &'a str, prefix: &'a str) -> [&'a str; 8] {
    [
        UNSIGNED,
        directory,
        prefix,
        "kafka.ack_deadline=200ms",
        "spool.max_bytes=1 MiB",
        "spool.max_lane_share=100",
        "dead_letter.max_spool_rate=2",
        "shutdown.timeout=5s",
    ]
}

#[test]
fn spooled_events_are_shown_in_the_spool_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().to_str().expect("a path of text");
    let (directory, prefix) =
        (format!("spool.directory={place}"), format!("topics.prefix={}.", crate::kit::topic_name("secrecy")));
    let settings = spooling(&directory, &prefix);

    let bridge = VerboseBridge::start("json", &unused_address(), &settings, &[]);
    bridge.wait_ready(true);
    let spooled: Vec<_> = (0..5).map(|_| documented()).collect();
    for body in &spooled {
        assert_eq!(bridge.post(body), "200 spooled");
    }
    assert_eq!(bridge.post(&spooled[0]), "200 duplicate");
    let rejected: Vec<_> = (0..8).map(|_| bridge.post(marker("nojson").as_bytes())).collect();
    assert!(rejected.contains(&"400 not_json".into()) && rejected.contains(&"503 dead_letter_quota".into()));
    status(place);
    bridge.finish();
    status(place);

    damage(folder.path());
    let bridge = VerboseBridge::start("text", &unused_address(), &settings, &[]);
    let large = || documented_with(&format!(",\"more\":\"{}\"", marker("large").repeat(3000)));
    bridge.wait_for_line("the spool found damaged rows");
    until("a full spool", || bridge.post(&large()) == "503 spool_full");
    status(place);
    bridge.finish();

    let bridge = VerboseBridge::start("json", Kafka::shared().bootstrap(), &settings, &[]);
    let drained = |page: &str| page.contains("justcall_bridge_spool_rows 0\n");
    until("an empty spool", || drained(bridge.get(bridge.admin, "/metrics").text()));
    let records = bridge.records("call.completed", 4);
    for body in &spooled[1..] {
        assert!(records.iter().any(|read| read.value == *body), "the topic lacks a spooled event");
    }
    bridge.finish();
    status(place);
}

#[test]
fn salvage_of_a_damaged_spool_shows_no_personal_data() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().to_str().expect("a path of text");
    let (directory, prefix) =
        (format!("spool.directory={place}"), format!("topics.prefix={}.", crate::kit::topic_name("secrecy")));
    let settings = spooling(&directory, &prefix);
    let bridge = VerboseBridge::start("text", &unused_address(), &settings, &[]);
    for _ in 0..20 {
        assert_eq!(bridge.post(&documented()), "200 spooled");
    }
    bridge.finish();
    let file = folder.path().join("spool.db");
    let mut bytes = std::fs::read(&file).expect("the spool");
    for page in bytes.chunks_mut(4096).skip(1).step_by(3) {
        page[..64].fill(0xaa);
    }
    std::fs::write(&file, bytes).expect("the spool");
    run(&["spool", "status", "--directory", place], &[]);
    let bridge = VerboseBridge::start("json", &unused_address(), &settings, &[]);
    bridge.wait_for_line("the spool's file was damaged");
    bridge.post(&documented());
    bridge.finish();
}

fn status(directory: &str) {
    for more in [&[][..], &["--json"]] {
        let (code, output) = run(&[&["spool", "status", "--directory", directory], more].concat(), &[]);
        assert_eq!(code, Some(0), "{output}");
    }
}

fn damage(directory: &Path) {
    let spool = Connection::open(directory.join("spool.db")).expect("the spool");
    spool.busy_timeout(Duration::from_secs(5)).expect("a timeout");
    let payload = format!("\u{1}{}", marker("damaged"));
    let changed = spool.execute("UPDATE record SET payload = ?1 WHERE id = 1", [payload.as_bytes()]);
    assert_eq!(changed.expect("an update"), 1);
}
