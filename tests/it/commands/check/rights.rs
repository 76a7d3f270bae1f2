use super::Bridge;
use crate::kit::bridge::until;
use crate::kit::consume::{create_topic_with, topic_end};
use crate::kit::kafka::Kafka;
use crate::kit::secured::{PLAIN, Right};

#[test]
fn missing_right_is_reported_for_each_topic() {
    let broker = Kafka::start_guarded();
    let bridge = Bridge::new(&broker.sasl)
        .with("topics.replication_factor=1")
        .with("kafka.properties.security.protocol=sasl_plaintext")
        .with(format!("kafka.properties.sasl.mechanism={}", PLAIN.mechanism))
        .with(format!("kafka.properties.sasl.username={}", PLAIN.name))
        .with(format!("kafka.properties.sasl.password={}", PLAIN.password));
    let (calls, letters) = (bridge.topic("calls"), bridge.topic("dead-letter"));
    create_topic_with(broker.kafka.bootstrap(), &calls, 2, 1, &[]);
    // A granted right applies after a short delay.
    let assert_finding = |name: &str, rights: &[Right<'_>], level: &str, key: &str, words: &[&str]| {
        broker.grant(&PLAIN, rights);
        until(name, || bridge.check(&["--probe"]).has((level, key, words)));
        bridge.check(&["--probe"])
    };
    let describe: Vec<Right<'_>> = vec![("DESCRIBE", "topic", &calls), ("DESCRIBE", "topic", &letters)];
    let configs = ("DESCRIBE_CONFIGS", "topic", calls.as_str());
    let write = ("WRITE", "topic", calls.as_str());

    assert_finding(
        "describe",
        &[("DESCRIBE", "topic", "other")],
        "failure",
        "topic",
        &[&calls, "hidden from", "allow that user Write"],
    );
    assert_finding(
        "configs",
        &describe,
        "warning",
        "topic.config",
        &[&calls, "cannot be read", "DescribeConfigs"],
    );
    let report = assert_finding(
        "write",
        &[&describe[..], &[configs]].concat(),
        "failure",
        "write",
        &[&calls, "may not write", "Write"],
    );
    report.assert_finding("create", ("failure", "topic", &[&letters, "may not create it", "Create"]));
    report.assert_finding(
        "brokers",
        ("warning", "kafka.broker_config", &["cannot be read", "DescribeConfigs"]),
    );
    let create = ("CREATE", "topic", letters.as_str());
    let cluster = ("DESCRIBE_CONFIGS", "cluster", "kafka-cluster");
    let all = [&describe[..], &[configs, write, create, cluster]].concat();
    let report = assert_finding("all rights", &all, "ok", "write", &[&calls, "may write"]);
    assert!(report.has(("ok", "topic", &[&letters, "creates it on first use"])), "{}", report.problems());
    assert_eq!(report.code, 0, "{}", report.problems());
    assert_eq!(topic_end(broker.kafka.bootstrap(), &calls), 0, "check wrote a record");
}
