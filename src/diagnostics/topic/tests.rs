use super::*;
use crate::kafka::{ConfigOrigin, ConfigValue};

const WANTED: Wanted = Wanted {
    partitions: Some(2),
    replicas: Some(3),
    record: 1_000_000,
    is_dead_letter: true,
    spool: None,
    window: Duration::ZERO,
};

/// Kafka's defaults with a careful operator's settings.
fn config(changes: &[(&str, &str)]) -> Config {
    let usual = [
        ("min.insync.replicas", "2"),
        ("max.message.bytes", "1048588"),
        ("cleanup.policy", "delete"),
        ("retention.ms", "604800000"),
        ("unclean.leader.election.enable", "false"),
        ("message.timestamp.type", "CreateTime"),
        ("message.timestamp.before.max.ms", "9223372036854775807"),
        ("message.timestamp.after.max.ms", "3600000"),
    ];
    let all = usual.iter().chain(changes);
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn partition(id: i32, leader: Option<i32>, replicas: &[i32], in_sync: &[i32]) -> Partition {
    Partition { id, leader, replicas: replicas.into(), in_sync: in_sync.into() }
}

fn topic(partitions: Vec<Partition>, config: Config) -> Topic {
    let value = |text| ConfigValue {
        value: Some(text),
        origin: ConfigOrigin::Topic,
        is_read_only: false,
        is_sensitive: false,
    };
    let config = config.into_iter().map(|(name, text)| (name, value(text))).collect();
    Topic { partitions, config: Ok(config) }
}

fn healthy() -> Vec<Partition> {
    vec![partition(0, Some(1), &[1, 2, 3], &[1, 2, 3]), partition(1, Some(2), &[2, 3, 1], &[3, 2, 1])]
}

fn levels(findings: &[Finding]) -> Vec<(Level, &str)> {
    assert!(findings.iter().all(|finding| finding.fix.is_some() == (finding.level != Level::Ok)));
    findings.iter().map(|finding| (finding.level, finding.key.as_str())).collect()
}

#[test]
fn healthy_topic_is_one_ok_line() {
    let findings = judge(&topic(healthy(), config(&[])), &WANTED);
    assert_eq!(levels(&findings), [(Level::Ok, "topic")]);
    assert_eq!(findings[0].text, "2 partitions, 3 replicas each, all in sync");
}

#[test]
fn each_harmful_setting_is_reported_alone() {
    use Level::{Failure, Ok, Warning};
    for (name, value, expected, key) in [
        ("min.insync.replicas", "4", Failure, "topic.min_insync_replicas"),
        ("min.insync.replicas", "3", Warning, "topic.min_insync_replicas"),
        ("min.insync.replicas", "1", Ok, "topic"),
        ("max.message.bytes", "999999", Failure, "topic.max_message_bytes"),
        ("max.message.bytes", "1000000", Ok, "topic"),
        ("cleanup.policy", "compact", Failure, "topic.cleanup_policy"),
        ("cleanup.policy", "compact,delete", Failure, "topic.cleanup_policy"),
        ("retention.ms", "86399999", Warning, "topic.retention"),
        ("retention.ms", "-1", Ok, "topic"),
        ("unclean.leader.election.enable", "true", Warning, "topic.unclean_leader_election"),
        ("message.timestamp.type", "LogAppendTime", Warning, "topic.timestamps"),
        ("message.timestamp.before.max.ms", "1000", Warning, "topic.timestamps"),
        ("message.timestamp.before.max.ms", "3599999", Warning, "topic.timestamps"),
        ("message.timestamp.before.max.ms", "3600000", Ok, "topic"),
        ("message.timestamp.after.max.ms", "4999", Failure, "topic.timestamps"),
        ("message.timestamp.after.max.ms", "59999", Warning, "topic.timestamps"),
        ("message.timestamp.after.max.ms", "60000", Ok, "topic"),
    ] {
        let findings = judge(&topic(healthy(), config(&[(name, value)])), &WANTED);
        assert_eq!(levels(&findings), [(expected, key)], "{name}={value}");
    }
}

#[test]
fn retention_is_compared_with_spool_and_deduplication_window() {
    let two_hours = Duration::from_secs(2 * 3600);
    let spooled = Wanted { is_dead_letter: false, spool: Some(1 << 20), ..WANTED };
    let windowed = Wanted { is_dead_letter: false, window: two_hours, ..WANTED };
    for (wanted, name, value, expected) in [
        (&spooled, "retention.ms", "3599999", true),
        (&spooled, "retention.ms", "3600000", false),
        (&spooled, "retention.ms", "-1", false),
        (&windowed, "retention.ms", "7199999", true),
        (&windowed, "retention.ms", "7200000", false),
        (&spooled, "retention.bytes", "1048575", true),
        (&spooled, "retention.bytes", "1048576", false),
        (&spooled, "retention.bytes", "-1", false),
        (&windowed, "retention.bytes", "1", false),
    ] {
        let findings = judge(&topic(healthy(), config(&[(name, value)])), wanted);
        let warned = levels(&findings) == [(Level::Warning, "topic.retention")];
        assert_eq!(warned, expected, "{name}={value}: {findings:?}");
    }
}

#[test]
fn short_retention_without_spool_and_window_matters_only_for_dead_letters() {
    let wanted = Wanted { is_dead_letter: false, ..WANTED };
    let findings = judge(&topic(healthy(), config(&[("retention.ms", "1")])), &wanted);
    assert_eq!(levels(&findings), [(Level::Ok, "topic")]);
}

#[test]
fn counts_are_compared_only_with_explicit_settings() {
    let one = || vec![partition(0, Some(1), &[1], &[1])];
    let least = config(&[("min.insync.replicas", "1")]);
    let findings = judge(&topic(one(), least.clone()), &WANTED);
    assert_eq!(levels(&findings), [(Level::Warning, "topic.partitions"), (Level::Warning, "topic.replicas")]);
    assert!(findings[0].text.contains("1 partition,") && findings[1].text.contains("is 3"));
    let free = Wanted { partitions: None, replicas: None, ..WANTED };
    let findings = judge(&topic(one(), least), &free);
    assert_eq!(levels(&findings), [(Level::Warning, "topic.replicas")], "one is few whatever is wanted");
    let many = Wanted { partitions: Some(1), ..WANTED };
    let findings = judge(&topic(healthy(), config(&[])), &many);
    assert!(findings[0].fix.as_ref().unwrap().contains("cannot remove partitions"), "{findings:?}");
}

#[test]
fn missing_replicas_are_a_warning_while_writes_succeed() {
    let members = |leader, in_sync: &[i32]| {
        let partitions = vec![partition(0, leader, &[1, 2, 3], in_sync), healthy().remove(1)];
        let findings = judge(&topic(partitions, config(&[])), &WANTED);
        levels(&findings).into_iter().map(|(level, key)| (level, key.to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(members(Some(1), &[1, 2]), [(Level::Warning, "topic.in_sync".to_owned())]);
    assert_eq!(members(Some(1), &[1]), [(Level::Failure, "topic.in_sync".to_owned())]);
    assert_eq!(members(None, &[]), [(Level::Failure, "topic.leaders".to_owned())]);
}

#[test]
fn impossible_minimum_is_reported_once() {
    let findings = judge(&topic(healthy(), config(&[("min.insync.replicas", "4")])), &WANTED);
    assert_eq!(levels(&findings), [(Level::Failure, "topic.min_insync_replicas")]);
}

#[test]
fn new_topic_is_judged_by_the_same_rules() {
    let findings = judge_config(&config(&[]), 1, &WANTED);
    assert_eq!(levels(&findings), [(Level::Failure, "topic.min_insync_replicas")]);
}
