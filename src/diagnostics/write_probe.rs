//! Probes the right to write, by records that a broker must reject for their time or size.

use super::finding::Finding;
use super::topic::{Config, number};
use crate::kafka::{self, ProbeOutcome, RecordFlaw, Topic, WriteProbe};

const KEY: &str = "write";

/// Largest record sent as a probe, in bytes.
const MAX_PROBE_BYTES: i64 = 8 << 20;

/// Clock error that is considered impossible, in milliseconds: a hundred years.
const MAX_CLOCK_ERROR_MS: i64 = 100 * 365 * 24 * 60 * 60 * 1000;

pub(super) async fn check(config: &kafka::Config, topics: &[(&str, &Topic)], report: &dyn Fn(Finding)) {
    let now = chrono::Utc::now().timestamp_millis();
    let mut trials = Vec::new();
    for (name, topic) in topics {
        match flaw(&config_of(topic), now) {
            Some(flaw) => trials.push(((*name).to_owned(), flaw)),
            None => report(
                Finding::skipped(
                    KEY,
                    "no record is certain to be refused, because the topic's limits are unknown or too wide",
                )
                .of(*name),
            ),
        }
    }
    let config = config.clone();
    match tokio::task::spawn_blocking(move || attempt(&config, &trials)).await {
        Ok(Ok(attempts)) => attempts.into_iter().for_each(|(name, attempt)| report(judge(attempt).of(name))),
        Ok(Err(why)) => report(judge(ProbeOutcome::Unclear(why))),
        Err(panic) => report(judge(ProbeOutcome::Unclear(panic.to_string()))),
    }
}

fn attempt(
    config: &kafka::Config,
    trials: &[(String, RecordFlaw)],
) -> Result<Vec<(String, ProbeOutcome)>, String> {
    let probe = WriteProbe::start(config).map_err(|error| error.to_string())?;
    let names = trials.iter().map(|(name, _)| name.clone());
    Ok(names.zip(probe.write(trials)?).collect())
}

fn config_of(topic: &Topic) -> Config {
    let config = topic.config.iter().flatten();
    config.filter_map(|(name, value)| Some((name.clone(), value.value.clone()?))).collect()
}

/// Returns the smallest flaw that the topic must reject. `now` is in milliseconds since 1970.
fn flaw(config: &Config, now: i64) -> Option<RecordFlaw> {
    if let Some(time) = impossible_time(config, now) {
        return Some(RecordFlaw::Time(time));
    }
    let most = number(config, "max.message.bytes").filter(|most| (0..MAX_PROBE_BYTES).contains(most))?;
    Some(RecordFlaw::Size(usize::try_from(most).ok()? + 1))
}

/// Returns a time that is too late with any clock, if the topic bounds record times. `LogAppendTime`
/// overwrites them.
fn impossible_time(config: &Config, now: i64) -> Option<i64> {
    let is_kept = config.get("message.timestamp.type").is_some_and(|kind| kind == "CreateTime");
    let after = number(config, "message.timestamp.after.max.ms");
    let after = after.filter(|after| is_kept && (0..MAX_CLOCK_ERROR_MS).contains(after))?;
    Some(now + after + MAX_CLOCK_ERROR_MS)
}

fn judge(attempt: ProbeOutcome) -> Finding {
    match attempt {
        ProbeOutcome::Allowed => Finding::ok(KEY, "the bridge's user may write"),
        ProbeOutcome::Forbidden => Finding::failure(
            KEY,
            "the bridge's user may not write",
            "allow that user Write on the topic (kafka-acls.sh --add --operation Write)",
        ),
        ProbeOutcome::Written => Finding::warning(
            KEY,
            "a record with the key `probe` was written: the topic's limits changed during the check",
            "readers of the topic should ignore it",
        ),
        ProbeOutcome::Unclear(why) => Finding::warning(
            KEY,
            format!("the right to write is unknown: {why}"),
            "solve the other problems, then run check again",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    fn config(entries: &[(&str, &str)]) -> Config {
        entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn probe_has_the_smallest_flaw_that_the_topic_surely_rejects() {
        const NOW: i64 = 1_800_000_000_000;
        let kind = |value| ("message.timestamp.type", value);
        let after = |value| ("message.timestamp.after.max.ms", value);
        let size = ("max.message.bytes", "1000");
        let (time, large) = (RecordFlaw::Time(NOW + 3_600_000 + MAX_CLOCK_ERROR_MS), RecordFlaw::Size(1001));
        for (entries, expected) in [
            (&[kind("CreateTime"), after("3600000"), size][..], Some(time)),
            (&[kind("CreateTime"), after("3600000")], Some(time)),
            (&[kind("LogAppendTime"), after("3600000"), size], Some(large)),
            (&[kind("CreateTime"), after("9223372036854775807"), size], Some(large)),
            (&[kind("CreateTime"), after("-1"), size], Some(large)),
            (&[after("3600000"), size], Some(large)),
            (&[kind("CreateTime"), size], Some(large)),
            // Too much to send for a check.
            (&[("max.message.bytes", "104857600")], None),
            (&[("max.message.bytes", "-1")], None),
            (&[("max.message.bytes", "many")], None),
            (&[], None),
        ] {
            assert_eq!(flaw(&config(entries), NOW), expected, "{entries:?}");
        }
    }

    #[test]
    fn only_a_missing_right_is_a_failure() {
        for (attempt, level) in [
            (ProbeOutcome::Allowed, Level::Ok),
            (ProbeOutcome::Forbidden, Level::Failure),
            (ProbeOutcome::Written, Level::Warning),
            (ProbeOutcome::Unclear("x".into()), Level::Warning),
        ] {
            assert_eq!(judge(attempt).level, level);
        }
    }
}
