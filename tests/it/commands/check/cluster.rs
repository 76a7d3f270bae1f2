use super::healthy::healthy_bridge_has_only_ok_lines_and_a_broken_one_remedies;
use super::{Bridge, Expected};
use crate::kit::bridge::until;
use crate::kit::consume::{create_topic_with, topic_end};
use crate::kit::kafka::{Kafka, Options};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Partitions, replicas, configuration, and settings of the bridge.
type Topic<'a> = (i32, i32, &'a [(&'a str, &'a str)], &'a [&'a str]);

const SAFE: (&str, &str) = ("min.insync.replicas", "2");

const CASES: [(&str, Topic<'_>, Expected<'_>); 18] = [
    (
        "min.insync.replicas over replicas",
        (2, 3, &[("min.insync.replicas", "4")], &[]),
        (
            "failure",
            "topic.min_insync_replicas",
            &["nothing can be written", "less than the number of replicas"],
        ),
    ),
    (
        "min.insync.replicas of all replicas",
        (2, 3, &[("min.insync.replicas", "3")], &[]),
        ("warning", "topic.min_insync_replicas", &["one broker down stops all writes", "set it to 2"]),
    ),
    (
        "small messages only",
        (2, 3, &[SAFE, ("max.message.bytes", "100000")], &[]),
        (
            "failure",
            "topic.max_message_bytes",
            &["max.message.bytes=100000", "does not fit", "999424 or more"],
        ),
    ),
    (
        "brokers take small messages only",
        (2, 3, &[SAFE], &["server.max_body_bytes=4 MiB", "kafka.properties.message.max.bytes=8000000"]),
        (
            "failure",
            "kafka.message_max_bytes",
            &["message.max.bytes=1048588", "does not fit", "server.properties"],
        ),
    ),
    (
        "compacted",
        (2, 3, &[SAFE, ("cleanup.policy", "compact")], &[]),
        ("failure", "topic.cleanup_policy", &["entity ids", "only the last event", "set it to delete"]),
    ),
    (
        "time of the append",
        (2, 3, &[SAFE, ("message.timestamp.type", "LogAppendTime")], &[]),
        ("warning", "topic.timestamps", &["LogAppendTime", "drain", "CreateTime"]),
    ),
    (
        "old records refused",
        (2, 3, &[SAFE, ("message.timestamp.before.max.ms", "60000")], &[]),
        ("warning", "topic.timestamps", &["backlog", "1m", "leave it out"]),
    ),
    (
        "records ahead refused",
        (2, 3, &[SAFE, ("message.timestamp.after.max.ms", "1000")], &[]),
        ("failure", "topic.timestamps", &["ahead", "1s", "3600000"]),
    ),
    (
        "fewer partitions",
        (1, 3, &[SAFE], &[]),
        ("warning", "topic.partitions", &["1 partition,", "is 2", "topics apply"]),
    ),
    (
        "more partitions",
        (3, 3, &[SAFE], &[]),
        ("warning", "topic.partitions", &["3 partitions,", "is 2", "set `topics.partitions`"]),
    ),
    (
        "fewer replicas",
        (2, 2, &[("min.insync.replicas", "1")], &[]),
        ("warning", "topic.replicas", &["2 replicas only", "is 3", "reassign"]),
    ),
    (
        "one replica",
        (2, 1, &[], &["topics.replication_factor=1"]),
        ("warning", "topic.replicas", &["1 replica only", "loss of its disk"]),
    ),
    (
        "unclean election",
        (2, 3, &[SAFE, ("unclean.leader.election.enable", "true")], &[]),
        ("warning", "topic.unclean_leader_election", &["acknowledged events are lost", "set it to false"]),
    ),
    (
        "dead letters kept for an hour",
        (2, 3, &[SAFE, ("retention.ms", "3600000")], &[]),
        ("warning", "topic.retention", &["dead-letter", "1h", "some days"]),
    ),
    (
        "missing and not to be made",
        (0, 0, &[], &["topics.create_missing=false"]),
        ("failure", "topic", &["calls", "does not exist", "create_missing", "topics apply"]),
    ),
    (
        "missing and cannot be made",
        (0, 0, &[], &["topics.replication_factor=4"]),
        (
            "failure",
            "topic",
            &["calls", "refuses to create it", "more replicas than the cluster has brokers"],
        ),
    ),
    (
        "missing and would be made badly",
        (0, 0, &[], &["topics.config.cleanup.policy=compact"]),
        ("failure", "topic.cleanup_policy", &["calls", "entity ids"]),
    ),
    (
        "missing and made on first use",
        (0, 0, &[], &["topics.config.min.insync.replicas=2"]),
        ("ok", "topic", &["calls", "creates it on first use"]),
    ),
];

fn three() -> Kafka {
    // This listener advertises an address without a server.
    let options = Options {
        brokers: 3,
        listeners: vec![("LOST", "PLAINTEXT")],
        advertised: Some(("LOST", vec![1, 1, 1])),
        ..Options::default()
    };
    Kafka::start(options)
}

fn bridge(kafka: &Kafka, (partitions, replicas, config, settings): Topic<'_>) -> Bridge {
    let mut bridge = Bridge::new(kafka.bootstrap());
    bridge.settings.extend(settings.iter().map(|setting| (*setting).to_owned()));
    if partitions > 0 {
        for topic in ["calls", "dead-letter"] {
            create_topic_with(kafka.bootstrap(), &bridge.topic(topic), partitions, replicas, config);
        }
    }
    bridge
}

/// The case that breaks the shared cluster is the last.
#[test]
fn check_reports_each_fault_of_a_three_broker_cluster() {
    let kafka = three();
    healthy_bridge_has_only_ok_lines_and_a_broken_one_remedies(&kafka);
    wrong_topic_is_reported_with_its_remedy(&kafka);
    wrong_advertised_address_is_reported(&kafka);
    write_is_probed_by_a_record_of_an_impossible_time_or_size(&kafka);
    missing_replica_is_reported(&kafka);
}

fn wrong_topic_is_reported_with_its_remedy(kafka: &Kafka) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some((name, topic, expected)) = CASES.get(next.fetch_add(1, Ordering::Relaxed)) {
                    bridge(kafka, *topic).check(&[]).assert_finding(name, *expected);
                }
            });
        }
    });
}

fn wrong_advertised_address_is_reported(kafka: &Kafka) {
    let lost = Bridge::new(&kafka.listener("LOST")).check(&[]);
    lost.assert_finding(
        "advertised",
        ("failure", "kafka.brokers", &["127.0.0.1:1", "connection refused", "advertised.listeners"]),
    );
}

fn write_is_probed_by_a_record_of_an_impossible_time_or_size(kafka: &Kafka) {
    // By time, the size does not matter: this topic allows records above 8 MiB.
    let by_time = [SAFE, ("max.message.bytes", "104857600"), ("message.timestamp.after.max.ms", "3600000")];
    let by_size = [SAFE, ("message.timestamp.type", "LogAppendTime")];
    for (what, config) in [("by time", &by_time[..]), ("by size", &by_size)] {
        let bridge = bridge(kafka, (2, 3, config, &[]));
        let report = bridge.check(&["--probe"]);
        report.assert_finding(what, ("ok", "write", &["calls", "may write"]));
        assert_eq!(topic_end(kafka.bootstrap(), &bridge.topic("calls")), 0, "{what}: check wrote a record");
    }
}

fn missing_replica_is_reported(kafka: &Kafka) {
    let warned = bridge(kafka, (2, 3, &[SAFE], &[]));
    let stopped = bridge(kafka, (2, 3, &[("min.insync.replicas", "3")], &[]));
    kafka.broker(2).kill();
    until("the others notice", || !warned.check(&[]).has(("ok", "kafka.brokers", &["3 brokers"])));
    let report = warned.check(&[]);
    report.assert_finding(
        "one replica short",
        ("warning", "topic.in_sync", &["not all replicas in sync", "restart the brokers"]),
    );
    report.assert_finding(
        "one broker of three",
        ("warning", "kafka.bootstrap_servers", &["connection refused"]),
    );
    let report = stopped.check(&["--probe"]);
    report.assert_finding(
        "too few in sync",
        ("failure", "topic.in_sync", &["writes are refused", "restart the brokers"]),
    );
}
