//! Probes the right to write and the broker's clock, by records that a broker must reject.

use super::clock;
use super::finding::Finding;
use super::topic::{Config, number};
use crate::kafka::{self, ClockSkew, MAX_CLOCK_ERROR_MS, ProbeOutcome, RecordFlaw, Topic, WriteProbe};
use std::collections::BTreeMap;
use std::time::Duration;

const KEY: &str = "write";

/// Largest record sent to a topic as a probe, in bytes.
const MAX_PROBE_BYTES: i64 = 8 << 20;

/// Probes every topic, and reads the clock if a topic allows that.
pub(super) async fn check(
    config: &kafka::Config,
    topics: &[(&str, &Topic)],
    tolerance: Duration,
    report: &dyn Fn(Finding),
) {
    let readable = topics.iter().map(|(name, topic)| ((*name).to_owned(), config_of(topic)));
    let readable: Vec<(String, Config)> = readable.collect();
    let now = chrono::Utc::now().timestamp_millis();
    let (possible, impossible): (Vec<_>, Vec<_>) = readable
        .iter()
        .map(|(name, config)| (name.clone(), flaw(config, now)))
        .partition(|(_, flaw)| flaw.is_some());
    for (name, _) in impossible {
        report(
            Finding::skipped(
                KEY,
                "no write is known that the topic surely refuses: its limits are not told, or too wide",
            )
            .of(name),
        );
    }
    let trials: Vec<(String, RecordFlaw)> =
        possible.into_iter().filter_map(|(name, flaw)| Some((name, flaw?))).collect();
    let limits: BTreeMap<String, i64> =
        readable.into_iter().filter_map(|(name, config)| Some((name, clock::limit(&config)?))).collect();
    let config = config.clone();
    let tried = tokio::task::spawn_blocking(move || attempt(&config, &trials, &limits));
    match tried.await.unwrap_or_else(|panic| Err(panic.to_string())) {
        Ok((attempts, skew)) => {
            attempts.into_iter().for_each(|(name, attempt)| report(judge(attempt).of(name)));
            report(clock(skew, tolerance));
        }
        Err(why) => report(judge(ProbeOutcome::Unclear(why))),
    }
}

/// Result of each topic's probe, and the clock difference read at one topic, if any has a limit for it.
type Outcome = (Vec<(String, ProbeOutcome)>, Option<(String, Result<ClockSkew, ProbeOutcome>)>);

fn attempt(
    config: &kafka::Config,
    trials: &[(String, RecordFlaw)],
    limits: &BTreeMap<String, i64>,
) -> Result<Outcome, String> {
    let probe = WriteProbe::start(config).map_err(|error| error.to_string())?;
    let names = trials.iter().map(|(name, _)| name.clone());
    let attempts: Vec<_> = names.zip(probe.write(trials)?).collect();
    let allowed = attempts.iter().filter(|(_, attempt)| *attempt == ProbeOutcome::Allowed);
    let mut limited = allowed.filter_map(|(name, _)| Some((name.clone(), *limits.get(name)?)));
    let skew = limited.next().map(|(name, after)| {
        let skew = probe.clock(&name, after);
        (name, skew)
    });
    Ok((attempts, skew))
}

fn clock(read: Option<(String, Result<ClockSkew, ProbeOutcome>)>, tolerance: Duration) -> Finding {
    match read {
        Some((_, Ok(skew))) => clock::judge(skew, tolerance),
        Some((name, Err(ProbeOutcome::Written))) => judge(ProbeOutcome::Written).of(name),
        Some((_, Err(ProbeOutcome::Unclear(why)))) => clock::unread(&why),
        Some((_, Err(ProbeOutcome::Allowed | ProbeOutcome::Forbidden))) => {
            clock::unread("the right to write was taken")
        }
        None => clock::unread(
            "no topic that may be written to bounds the times of its records (message.timestamp.after.max.ms)",
        ),
    }
}

fn config_of(topic: &Topic) -> Config {
    let config = topic.config.iter().flatten();
    config.filter_map(|(name, value)| Some((name.clone(), value.value.clone()?))).collect()
}

/// Returns a flaw that a topic of this configuration must reject. `now` is in milliseconds since 1970.
fn flaw(config: &Config, now: i64) -> Option<RecordFlaw> {
    let size = || {
        let most = number(config, "max.message.bytes").filter(|most| (0..MAX_PROBE_BYTES).contains(most))?;
        Some(RecordFlaw::Size(usize::try_from(most).ok()? + 1))
    };
    match clock::limit(config) {
        Some(after) => Some(RecordFlaw::Time(now + after + MAX_CLOCK_ERROR_MS)),
        None => size(),
    }
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
            "a record with the key `probe` was written: the topic's limits have changed while they were looked at",
            "its readers should pass it over",
        ),
        ProbeOutcome::Unclear(why) => Finding::warning(
            KEY,
            format!("whether the bridge's user may write is not known: {why}"),
            "put right what else is found here, then run check again",
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
    fn probe_has_a_flaw_that_the_topic_rejects() {
        const NOW: i64 = 1_800_000_000_000;
        let (create, append) =
            (("message.timestamp.type", "CreateTime"), ("message.timestamp.type", "LogAppendTime"));
        let (after, size) = (("message.timestamp.after.max.ms", "3600000"), ("max.message.bytes", "1000"));
        let boundless = ("message.timestamp.after.max.ms", "9223372036854775807");
        let at = |entries: &[(&str, &str)]| flaw(&config(entries), NOW);
        assert_eq!(at(&[create, after, size]), Some(RecordFlaw::Time(NOW + 3_600_000 + MAX_CLOCK_ERROR_MS)));
        assert_eq!(
            at(&[append, after, size]),
            Some(RecordFlaw::Size(1001)),
            "a time that is overwritten is not looked at"
        );
        assert_eq!(at(&[create, boundless, size]), Some(RecordFlaw::Size(1001)));
        assert_eq!(at(&[size]), Some(RecordFlaw::Size(1001)));
    }

    #[test]
    fn topic_without_limits_is_not_probed() {
        assert_eq!(flaw(&config(&[]), 0), None, "limits that are not told may be none");
        assert_eq!(
            flaw(&config(&[("max.message.bytes", "104857600")]), 0),
            None,
            "too much to send for a look"
        );
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

    #[test]
    fn written_probe_is_reported() {
        let read = |attempt| clock(Some(("a".into(), Err(attempt))), Duration::from_secs(900));
        let written = read(ProbeOutcome::Written);
        assert_eq!(
            (written.level, written.key.as_str(), written.subject.as_deref()),
            (Level::Warning, KEY, Some("a"))
        );
        assert_eq!(read(ProbeOutcome::Unclear("x".into())).level, Level::Skipped);
        assert_eq!(clock(None, Duration::ZERO).level, Level::Skipped);
    }
}
