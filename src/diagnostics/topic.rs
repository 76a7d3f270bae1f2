//! Checks that a topic accepts the bridge's records and keeps them.

use super::finding::{Finding, Level};
use crate::delivery::MAX_TIMESTAMP_AGE_MS;
use crate::kafka::{Partition, Topic};
use std::collections::BTreeMap;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// Space for the key and headers of a record, in bytes.
pub(super) const MAX_KEY_AND_HEADERS_BYTES: u64 = 16 * 1024;

const SECOND: i64 = 1000;
const HOUR: i64 = 60 * 60 * SECOND;
const DAY: i64 = 24 * HOUR;

/// Age above which drained records get the present time.
const MAX_BACKLOG_AGE_MS: i64 = MAX_TIMESTAMP_AGE_MS;

/// Limits on record times ahead of the broker: below the first is a failure, below the second a warning.
const MIN_AHEAD_LIMIT_MS: i64 = 5 * SECOND;
const RECOMMENDED_AHEAD_LIMIT_MS: i64 = 60 * SECOND;

/// Expectations from the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) partitions: Option<i32>,
    pub(super) replicas: Option<i32>,
    /// Largest record, in bytes.
    pub(super) record: u64,
    pub(super) is_dead_letter: bool,
    /// Limit in bytes; `None` without a spool.
    pub(super) spool: Option<u64>,
    pub(super) window: Duration,
}

pub(super) type Config = BTreeMap<String, String>;

pub(super) fn judge(topic: &Topic, wanted: &Wanted) -> Vec<Finding> {
    let config = topic.config.as_ref().ok().map(|config| {
        let values = config.iter().filter_map(|(name, value)| Some((name.clone(), value.value.clone()?)));
        values.collect::<Config>()
    });
    let replicas = topic.partitions.iter().map(|partition| partition.replicas.len()).min().unwrap_or(0);
    let mut findings = counts(&topic.partitions, replicas, wanted);
    let min_in_sync = config.as_ref().and_then(|config| number(config, "min.insync.replicas"));
    findings.extend(members(&topic.partitions, min_in_sync));
    match (&config, &topic.config) {
        (Some(config), _) => findings.extend(judge_config(config, replicas, wanted)),
        (None, Err(refusal)) => findings.push(Finding::warning(
            "topic.config",
            format!(
                "cannot be read ({refusal}): sizes, times, retention and min.insync.replicas were not \
                 checked"
            ),
            "allow the bridge's user DescribeConfigs on the topic, or run check as a user who may",
        )),
        (None, Ok(_)) => {}
    }
    if findings.iter().all(|finding| finding.level == Level::Ok) {
        let text = format!(
            "{}, {} each, all in sync",
            plural(topic.partitions.len(), "partition"),
            plural(replicas, "replica")
        );
        findings.insert(0, Finding::ok("topic", text));
    }
    findings
}

fn counts(partitions: &[Partition], replicas: usize, wanted: &Wanted) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(count) = wanted.partitions.and_then(|count| usize::try_from(count).ok())
        && partitions.len() != count
    {
        let text = format!("{}, but `topics.partitions` is {count}", plural(partitions.len(), "partition"));
        let fix = if partitions.len() < count {
            "`topics apply` adds them: from then on, a key may have another partition"
        } else {
            "Kafka cannot remove partitions: set `topics.partitions` to the present number"
        };
        findings.push(Finding::warning("topic.partitions", text, fix));
    }
    let fewer =
        wanted.replicas.and_then(|count| usize::try_from(count).ok()).filter(|count| replicas < *count);
    if let Some(count) = fewer {
        findings.push(Finding::warning(
            "topic.replicas",
            format!("{} only, but `topics.replication_factor` is {count}", plural(replicas, "replica")),
            "reassign the partitions with Kafka's own kafka-reassign-partitions.sh",
        ));
    } else {
        findings.extend(lone(replicas));
    }
    findings
}

pub(super) fn lone(replicas: usize) -> Option<Finding> {
    (replicas == 1).then(|| {
        Finding::warning(
            "topic.replicas",
            "1 replica only: while its broker is down, nothing can be written; a loss of its disk loses \
             every record",
            "give the topic 3 replicas and min.insync.replicas=2: in `topics` for a new one, with \
             kafka-reassign-partitions.sh for an existing one",
        )
    })
}

fn members(partitions: &[Partition], min_in_sync: Option<i64>) -> Vec<Finding> {
    let ids = |is_bad: &dyn Fn(&Partition) -> bool| -> Vec<String> {
        partitions
            .iter()
            .filter(|partition| is_bad(partition))
            .map(|partition| partition.id.to_string())
            .collect()
    };
    let in_sync = |partition: &Partition| i64::try_from(partition.in_sync.len()).unwrap_or(i64::MAX);
    let is_possible = |partition: &Partition| {
        min_in_sync.is_none_or(|least| least <= i64::try_from(partition.replicas.len()).unwrap_or(i64::MAX))
    };
    let is_short = |partition: &Partition| {
        partition.leader.is_some()
            && is_possible(partition)
            && min_in_sync.is_some_and(|least| in_sync(partition) < least)
    };
    let is_behind = |partition: &Partition| {
        partition.leader.is_some()
            && !is_short(partition)
            && partition.in_sync.len() < partition.replicas.len()
    };
    let bring_back = "restart the brokers that are down";
    let mut findings = Vec::new();
    let leaderless = ids(&|partition| partition.leader.is_none());
    if !leaderless.is_empty() {
        let text = format!("no leader for {}: nothing can be written there", numbered(&leaderless));
        findings.push(Finding::failure("topic.leaders", text, bring_back));
    }
    let short = ids(&is_short);
    if !short.is_empty() {
        let least = min_in_sync.unwrap_or_default();
        let text = format!(
            "fewer replicas in sync than min.insync.replicas={least} for {}: writes are refused",
            numbered(&short)
        );
        findings.push(Finding::failure("topic.in_sync", text, bring_back));
    }
    let behind = ids(&is_behind);
    if !behind.is_empty() {
        let text = format!("not all replicas in sync for {}", numbered(&behind));
        let fix = format!("{bring_back}, or wait until those that came back have caught up");
        findings.push(Finding::warning("topic.in_sync", text, fix));
    }
    findings
}

/// Judges the configuration of an existing or new topic with `replicas` replicas.
pub(super) fn judge_config(config: &Config, replicas: usize, wanted: &Wanted) -> Vec<Finding> {
    [
        min_in_sync(config, replicas),
        size(config, wanted),
        cleanup(config),
        retention(config, wanted),
        retention_size(config, wanted),
        unclean(config),
    ]
    .into_iter()
    .flatten()
    .chain(times(config))
    .collect()
}

fn min_in_sync(config: &Config, replicas: usize) -> Option<Finding> {
    const KEY: &str = "topic.min_insync_replicas";
    let least = usize::try_from(number(config, "min.insync.replicas")?).ok()?;
    if least > replicas {
        return Some(Finding::failure(
            KEY,
            format!(
                "min.insync.replicas={least}, and there are {replicas} replicas: nothing can be written with acks=all"
            ),
            format!("set it to less than the number of replicas, or have {} replicas", least + 1),
        ));
    }
    (least == replicas && replicas > 1).then(|| {
        Finding::warning(
            KEY,
            format!("min.insync.replicas={least}, and there are as many replicas: one broker down stops all writes"),
            format!("set it to {}, or have {} replicas", least - 1, least + 1),
        )
    })
}

fn size(config: &Config, wanted: &Wanted) -> Option<Finding> {
    let most = number(config, "max.message.bytes")?;
    let needed = wanted.record;
    (u64::try_from(most).unwrap_or(0) < needed).then(|| {
        Finding::failure(
            "topic.max_message_bytes",
            format!("max.message.bytes={most}: the largest body with its key and headers, {needed} bytes, does not fit"),
            format!("set it to {needed} or more, or lower `server.max_body_bytes`"),
        )
    })
}

fn cleanup(config: &Config) -> Option<Finding> {
    let policy = config.get("cleanup.policy")?;
    policy.contains("compact").then(|| {
        Finding::failure(
            "topic.cleanup_policy",
            format!(
                "cleanup.policy={policy}: keys are entity ids, so compaction keeps only the last event \
                 of each call or contact"
            ),
            "set it to delete",
        )
    })
}

fn retention(config: &Config, wanted: &Wanted) -> Option<Finding> {
    let kept = number(config, "retention.ms")?;
    let is_deleted = config.get("cleanup.policy").is_none_or(|policy| policy.contains("delete"));
    let window = i64::try_from(wanted.window.as_millis()).unwrap_or(i64::MAX);
    // A drained record may be this old when it is written.
    let oldest = if wanted.spool.is_some() { MAX_TIMESTAMP_AGE_MS } else { 0 };
    let needed = window.max(oldest);
    if !wanted.is_dead_letter && is_deleted && (0..needed).contains(&kept) {
        return Some(Finding::warning(
            "topic.retention",
            format!(
                "retention.ms={kept}: a record from the spool, or one whose retry is answered as a duplicate, may be deleted within {} after it was received",
                span(kept)
            ),
            format!("set retention.ms to {needed} or more, {}", span(needed)),
        ));
    }
    (wanted.is_dead_letter && is_deleted && (0..DAY).contains(&kept)).then(|| {
        Finding::warning(
            "topic.retention",
            format!(
                "retention.ms={kept}: dead letters are deleted before an operator can look at them, {}",
                span(kept)
            ),
            "keep them for some days: retention.ms=1209600000 are two weeks",
        )
    })
}

fn retention_size(config: &Config, wanted: &Wanted) -> Option<Finding> {
    let kept = u64::try_from(number(config, "retention.bytes")?).ok()?;
    let spool = wanted.spool?;
    let is_deleted = config.get("cleanup.policy").is_none_or(|policy| policy.contains("delete"));
    (is_deleted && kept < spool).then(|| {
        Finding::warning(
            "topic.retention",
            format!(
                "retention.bytes={kept}: the spool takes {spool} bytes, and a drain of more than a partition keeps deletes its first records"
            ),
            format!("set retention.bytes to {spool} or more, or lower `spool.max_bytes`"),
        )
    })
}

fn unclean(config: &Config) -> Option<Finding> {
    (config.get("unclean.leader.election.enable")? == "true").then(|| {
        Finding::warning(
            "topic.unclean_leader_election",
            "unclean.leader.election.enable=true: a replica that lags may become the leader, and acknowledged events are lost",
            "set it to false",
        )
    })
}

/// Records carry their time of receipt. The limits on record times apply only if the topic keeps that time.
fn times(config: &Config) -> Vec<Finding> {
    if config.get("message.timestamp.type").is_some_and(|kind| kind == "LogAppendTime") {
        return vec![Finding::warning(
            "topic.timestamps",
            "message.timestamp.type=LogAppendTime: after an outage records have the time of the drain instead of the event's receipt",
            "set it to CreateTime",
        )];
    }
    let before = "message.timestamp.before.max.ms";
    let after = "message.timestamp.after.max.ms";
    let backlog = |most: i64| {
        format!(
            "{before}={most}: records of a backlog older than that, {}, are first refused when it is drained, and then have the time of the drain",
            span(most)
        )
    };
    let ahead = |most: i64| {
        format!(
            "{after}={most}: if this machine's clock is ahead of the broker's by more, {}, records are refused",
            span(most)
        )
    };
    let judged = |key: &str, bad: i64, poor: i64, text: &dyn Fn(i64) -> String, fix: &str| match number(
        config, key,
    )? {
        most if most < bad => Some(Finding::failure("topic.timestamps", text(most), fix)),
        most if most < poor => Some(Finding::warning("topic.timestamps", text(most), fix)),
        _ => None,
    };
    let findings = [
        judged(
            before,
            // The bridge sends such a record again with the present time.
            0,
            MAX_BACKLOG_AGE_MS,
            &backlog,
            "leave it out, or set it to more than the longest outage",
        ),
        judged(
            after,
            MIN_AHEAD_LIMIT_MS,
            RECOMMENDED_AHEAD_LIMIT_MS,
            &ahead,
            "set it to 3600000, an hour, or more",
        ),
    ];
    findings.into_iter().flatten().collect()
}

pub(super) fn number(config: &Config, name: &str) -> Option<i64> {
    config.get(name)?.trim().parse().ok()
}

fn span(milliseconds: i64) -> String {
    let time = std::time::Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0));
    humantime::format_duration(time).to_string()
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

fn numbered(ids: &[String]) -> String {
    let word = if ids.len() == 1 { "partition" } else { "partitions" };
    format!("{word} {}", ids.join(", "))
}
