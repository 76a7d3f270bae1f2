use super::TIMEOUT;
use super::service::{Consumer, IN_JAVA, IN_PYTHON, IN_RUST};
use crate::kit::bridge::until;
use crate::kit::consume;
use crate::kit::kafka::Kafka;
use crate::kit::process::Process;
use crate::kit::topic_name;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

/// C0, DEL, C1, bidirectional overrides, and ends of lines and paragraphs.
const TERMINAL_CONTROLS: &str = "\u{1b}[31m\u{7}\r\u{7f}\u{85}\u{9b}2J\u{61c}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}\u{2028}\u{2029}";

#[test]
fn rust_consumer_prints_text_and_keys_by_source_and_id() {
    assert_consumer(&IN_RUST);
}

#[test]
fn java_consumer_prints_text_and_keys_by_source_and_id() {
    assert_consumer(&IN_JAVA);
}

#[test]
fn python_consumer_prints_text_and_keys_by_source_and_id() {
    assert_consumer(&IN_PYTHON);
}

fn assert_consumer(consumer: &Consumer) {
    let bootstrap = Kafka::shared().bootstrap();
    let [topic, dead_letters, group] = ["forged", "forged.dead-letter", "forged.group"].map(topic_name);
    consume::create_topic(bootstrap, &topic, 1);
    consume::create_topic(bootstrap, &dead_letters, 1);
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", bootstrap).create().expect("a producer");
    let write = |source: &str, id: &str, kind: &str, subject: &str| {
        let named = [("ce_source", source), ("ce_id", id), ("ce_type", kind), ("ce_subject", subject)];
        let headers = named.into_iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header { key, value: Some(value) })
        });
        let record = BaseRecord::to(&topic).key("k").payload("{}").headers(headers);
        producer.send(record).map_err(|(error, _)| error).expect("room for a record");
    };
    write(
        "/a",
        &format!("id-{TERMINAL_CONTROLS}"),
        &format!("type-{TERMINAL_CONTROLS}"),
        &format!("subject-{TERMINAL_CONTROLS}"),
    );
    for source in ["/a", "/b", "/a"] {
        write(source, "shared-id", "call.missed", "one");
    }
    write("/a", "last-id", "call.missed", "two");
    producer.flush(TIMEOUT).expect("records that are acknowledged");

    let mut command = (consumer.make)();
    command
        .env("KAFKA_BOOTSTRAP_SERVERS", bootstrap)
        .env("TOPICS", &topic)
        .env("GROUP", &group)
        .env("DEAD_LETTER_TOPIC", &dead_letters);
    let mut process = Process::start(&mut command);
    until("the last record", || process.stdout().iter().any(|line| line.starts_with("last-id ")));
    process.signal("TERM");
    process.wait_exit(TIMEOUT);
    let printed = process.stdout();
    let shared = printed.iter().filter(|line| line.starts_with("shared-id ")).count();
    assert_eq!((printed.len(), shared), (4, 2), "{printed:?}");
    assert!(printed[0].starts_with("id-") && printed[0].contains("subject-"), "{printed:?}");
    let all = [printed, process.stderr()].concat().join("\n");
    let obeyed = |c: char| c != '\n' && TERMINAL_CONTROLS.contains(c) && !c.is_ascii_graphic();
    assert!(!all.contains(obeyed), "{all:?}");
}
