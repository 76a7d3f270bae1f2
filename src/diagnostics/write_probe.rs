//! Probes the right to write, by records that a broker must reject because they are too large.

use super::finding::Finding;
use crate::kafka::{self, ProbeOutcome, Topic, WriteProbe};

const KEY: &str = "write";

/// Largest record sent to a topic as a probe, in bytes.
const MAX_PROBE_BYTES: i64 = 8 << 20;

/// Probes every topic.
pub(super) async fn check(config: &kafka::Config, topics: &[(&str, &Topic)], report: &dyn Fn(Finding)) {
    let mut trials = Vec::new();
    for (name, topic) in topics {
        let config =
            topic.config.as_ref().ok().and_then(|config| config.get("max.message.bytes")?.value.as_deref());
        match config.and_then(too_large) {
            Some(size) => trials.push(((*name).to_owned(), size)),
            None => report(
                Finding::skipped(
                    KEY,
                    "no write is known that the topic surely refuses: its limit on sizes is not told, or too wide",
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
    trials: &[(String, usize)],
) -> Result<Vec<(String, ProbeOutcome)>, String> {
    let probe = WriteProbe::start(config).map_err(|error| error.to_string())?;
    let names = trials.iter().map(|(name, _)| name.clone());
    Ok(names.zip(probe.write(trials)?).collect())
}

/// Returns the size of a record that a topic with this `max.message.bytes` must reject.
fn too_large(limit: &str) -> Option<usize> {
    let most = limit.trim().parse().ok().filter(|most| (0..MAX_PROBE_BYTES).contains(most))?;
    Some(usize::try_from(most).ok()? + 1)
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

    #[test]
    fn probe_is_one_byte_too_large() {
        assert_eq!(too_large("1000"), Some(1001));
        assert_eq!(too_large("104857600"), None, "too much to send for a look");
        for unknown in ["", "-1", "many"] {
            assert_eq!(too_large(unknown), None, "{unknown:?}");
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
