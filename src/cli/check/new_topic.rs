//! Checks topics that do not exist yet: can they be created, and with which configuration.

use super::finding::Finding;
use super::topic::{self, Config, Wanted};
use crate::kafka::{self, TopicsConfig};

#[cfg(test)]
mod tests;

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

/// Returns the finding for a missing topic that the bridge may not create.
pub(super) fn not_made() -> Finding {
    Finding::failure(
        KEY,
        "is not there, and `topics.create_missing` is false: what goes to it waits in the spool, or is refused",
        "make it: `justcall-bridge topics apply`; or let the bridge do so with `topics.create_missing: true`",
    )
}

/// Judges the cluster's response to a validated creation.
pub(super) fn judge(tried: Result<(), kafka::Error>) -> Finding {
    match tried {
        Ok(()) => Finding::ok(KEY, "is not there yet: the bridge makes it on first use"),
        Err(kafka::Error::Refused(refusal)) if refusal.is_authorization() => Finding::failure(
            KEY,
            "is not there, and the bridge's user may not make it",
            "allow that user Create on the topic, or make it: `justcall-bridge topics apply` as a user who may",
        ),
        Err(kafka::Error::Refused(refusal)) => Finding::failure(
            KEY,
            format!("is not there, and the cluster would not make it by `topics`: {refusal}"),
            "correct `topics.partitions`, `topics.replication_factor` or `topics.config`; a cluster makes no more replicas than it has brokers",
        ),
        Err(error) => Finding::warning(
            KEY,
            format!("is not there, and whether it would be made is not known: {error}"),
            "run check again",
        ),
    }
}

/// Returns the finding for brokers that do not report the defaults of new topics.
pub(super) fn unknown_defaults(error: Option<&kafka::Error>) -> Option<Finding> {
    error.map(|error| {
        Finding::warning(
            "kafka.broker_config",
            format!("cannot be read ({error}): what new topics would inherit is not looked at"),
            "allow the bridge's user DescribeConfigs on the cluster, or run check as a user who may",
        )
    })
}

/// Judges the configuration that a new topic would have.
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
