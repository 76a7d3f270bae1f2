//! Checks topics that do not exist yet: can they be created, and with which configuration.

use super::finding::Finding;
use super::topic::{self, Config, Wanted};
use crate::kafka::{self, TopicsConfig};

const KEY: &str = "topic";

/// Topic settings that default to a broker setting: name for the topic, name for the broker.
const INHERITED: [(&str, &str); 8] = [
    ("min.insync.replicas", "min.insync.replicas"),
    ("max.message.bytes", "message.max.bytes"),
    ("cleanup.policy", "log.cleanup.policy"),
    ("retention.ms", "log.retention.ms"),
    ("unclean.leader.election.enable", "unclean.leader.election.enable"),
    ("message.timestamp.type", "log.message.timestamp.type"),
    ("message.timestamp.before.max.ms", "log.message.timestamp.before.max.ms"),
    ("message.timestamp.after.max.ms", "log.message.timestamp.after.max.ms"),
];

pub(super) fn not_made() -> Finding {
    Finding::failure(
        KEY,
        "does not exist, and `topics.create_missing` is false: its events wait in the spool, or are refused",
        "create it with `justcall-bridge topics apply`, or set `topics.create_missing: true`",
    )
}

/// Judges the response to a validated creation.
pub(super) fn judge(tried: Result<(), kafka::Error>) -> Finding {
    match tried {
        Ok(()) => Finding::ok(KEY, "does not exist yet: the bridge creates it on first use"),
        Err(kafka::Error::Refused(refusal)) if refusal.is_authorization() => Finding::failure(
            KEY,
            "does not exist, and the bridge's user may not create it",
            "allow that user Create on the topic, or run `justcall-bridge topics apply` as a user who may",
        ),
        Err(kafka::Error::Refused(refusal)) => Finding::failure(
            KEY,
            format!("does not exist, and the cluster refuses to create it as `topics` describes: {refusal}"),
            "correct `topics.partitions`, `topics.replication_factor` or `topics.config`; a topic cannot \
             have more replicas than the cluster has brokers",
        ),
        Err(error) => Finding::warning(
            KEY,
            format!("does not exist, and whether it can be created is unknown: {error}"),
            "run check again",
        ),
    }
}

/// Warns of brokers that do not report the defaults of new topics.
pub(super) fn unknown_defaults(error: Option<&kafka::Error>) -> Option<Finding> {
    error.map(|error| {
        Finding::warning(
            "kafka.broker_config",
            format!("cannot be read ({error}): the defaults of new topics were not checked"),
            "allow the bridge's user DescribeConfigs on the cluster, or run check as a user who may",
        )
    })
}

pub(super) fn judge_shape(defaults: &Config, topics: &TopicsConfig, wanted: &Wanted) -> Vec<Finding> {
    let replicas =
        wanted.replicas.map(i64::from).or_else(|| topic::number(defaults, "default.replication.factor"));
    let replicas = replicas.and_then(|count| usize::try_from(count).ok()).unwrap_or(1);
    let mut findings = topic::judge_config(&would_have(defaults, topics), replicas, wanted);
    findings.extend(topic::lone(replicas));
    findings
}

fn would_have(defaults: &Config, topics: &TopicsConfig) -> Config {
    let inherited = INHERITED
        .iter()
        .filter_map(|(own, broker)| Some(((*own).to_owned(), defaults.get(*broker)?.clone())));
    inherited.chain(topics.config.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;
    use crate::kafka::{Error, KafkaRefusal};
    use std::time::Duration;

    fn config(entries: &[(&str, &str)]) -> Config {
        entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn topics(entries: &[(&str, &str)]) -> TopicsConfig {
        TopicsConfig {
            create_missing: true,
            partitions: None,
            replication_factor: None,
            config: config(entries),
        }
    }

    #[test]
    fn new_topic_uses_settings_before_broker_defaults() {
        let defaults = config(&[
            ("min.insync.replicas", "1"),
            ("message.max.bytes", "100"),
            ("log.cleanup.policy", "compact"),
            ("log.dirs", "/data"),
        ]);
        let would_have =
            would_have(&defaults, &topics(&[("cleanup.policy", "delete"), ("retention.ms", "5")]));
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
        assert!(
            denied.text.contains("may not create it") && wrong.text.contains("No"),
            "{denied:?} {wrong:?}"
        );
        assert_eq!(judge(Err(Error::Unreachable("x".into()))).level, Level::Warning);
        assert_eq!(judge(Ok(())).level, Level::Ok);
    }
}
