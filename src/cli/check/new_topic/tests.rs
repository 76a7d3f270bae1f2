use super::super::finding::Level;
use super::*;
use crate::kafka::{Error, KafkaRefusal};
use std::time::Duration;

fn config(entries: &[(&str, &str)]) -> Config {
    entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn topics(entries: &[(&str, &str)]) -> TopicsConfig {
    TopicsConfig { create_missing: true, partitions: None, replication_factor: None, config: config(entries) }
}

#[test]
fn new_topic_uses_settings_before_broker_defaults() {
    let defaults = config(&[
        ("min.insync.replicas", "1"),
        ("message.max.bytes", "100"),
        ("log.cleanup.policy", "compact"),
        ("log.dirs", "/data"),
    ]);
    let would_have = would_have(&defaults, &topics(&[("cleanup.policy", "delete"), ("retention.ms", "5")]));
    let expected = [
        ("min.insync.replicas", "1"),
        ("max.message.bytes", "100"),
        ("cleanup.policy", "delete"),
        ("retention.ms", "5"),
    ];
    assert_eq!(would_have, config(&expected));
}

#[test]
fn replicas_of_a_new_topic_come_from_settings_or_broker() {
    let wanted = |replicas| Wanted {
        partitions: None,
        replicas,
        record: 1,
        is_dead_letter: false,
        spool: None,
        window: Duration::ZERO,
    };
    let keys = |replicas, default: &str| -> Vec<String> {
        let defaults = config(&[("default.replication.factor", default), ("min.insync.replicas", "2")]);
        judge_shape(&defaults, &topics(&[]), &wanted(replicas))
            .into_iter()
            .map(|finding| finding.key)
            .collect()
    };
    assert_eq!(keys(Some(3), "1"), [""; 0]);
    assert_eq!(keys(None, "3"), [""; 0]);
    assert_eq!(keys(None, "1"), ["topic.min_insync_replicas", "topic.replicas"]);
}

#[test]
fn denied_or_invalid_creation_is_a_failure_and_unreachable_cluster_a_warning() {
    let refused = |is_authorization| {
        Err(Error::Refused(KafkaRefusal::BrokerError { words: "No".into(), is_authorization }))
    };
    let (denied, wrong) = (judge(refused(true)), judge(refused(false)));
    assert_eq!((denied.level, wrong.level), (Level::Failure, Level::Failure));
    assert!(denied.text.contains("may not make it") && wrong.text.contains("No"), "{denied:?} {wrong:?}");
    assert_eq!(judge(Err(Error::Unreachable("x".into()))).level, Level::Warning);
    assert_eq!(judge(Ok(())).level, Level::Ok);
}
