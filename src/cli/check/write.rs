//! The right to write and the broker's clock, learnt from writes that a broker refuses.

use super::clock;
use super::finding::Finding;
use super::topic::{Config, number};
use crate::kafka::{self, Attempt, Flaw, NEVER, Probe, Topic};
use std::time::Duration;

#[cfg(test)]
mod tests;

const KEY: &str = "write";

/// No more is sent to a topic for this, in bytes.
const LARGEST: i64 = 8 << 20;

/// Tries to write to every topic, and reads the clock where that can be done.
pub(super) async fn check(
    config: &kafka::Config,
    topics: &[(&str, &Topic)],
    tolerance: Duration,
    say: &dyn Fn(Finding),
) {
    let readable = topics.iter().map(|(name, topic)| ((*name).to_owned(), told(topic)));
    let readable: Vec<(String, Config)> = readable.collect();
    let now = chrono::Utc::now().timestamp_millis();
    let (possible, impossible): (Vec<_>, Vec<_>) = readable
        .iter()
        .map(|(name, config)| (name.clone(), flaw(config, now)))
        .partition(|(_, flaw)| flaw.is_some());
    for (name, _) in impossible {
        say(Finding::skipped(
            KEY,
            "no write is known that the topic surely refuses: its limits are not told, or too wide",
        )
        .of(name));
    }
    let trials: Vec<(String, Flaw)> =
        possible.into_iter().filter_map(|(name, flaw)| Some((name, flaw?))).collect();
    let clock = readable.into_iter().find_map(|(name, config)| Some((name, clock::limit(&config)?)));
    let config = config.clone();
    let tried = tokio::task::spawn_blocking(move || {
        let probe = Probe::start(&config).map_err(|error| error.to_string())?;
        let attempts = probe.write(&trials)?;
        let skew = clock.map(|(topic, after)| probe.clock(&topic, after));
        Ok::<_, String>((trials, attempts, skew))
    });
    match tried.await.unwrap_or_else(|panic| Err(panic.to_string())) {
        Ok((trials, attempts, skew)) => {
            trials.into_iter().zip(attempts).for_each(|((name, _), attempt)| say(judge(attempt).of(name)));
            say(match skew {
                Some(Ok(skew)) => clock::judge(skew, tolerance),
                Some(Err(why)) => clock::unread(&why),
                None => {
                    clock::unread("no topic bounds the times of its records (message.timestamp.after.max.ms)")
                }
            });
        }
        Err(why) => say(judge(Attempt::Unclear(why))),
    }
}

fn told(topic: &Topic) -> Config {
    let config = topic.config.iter().flatten();
    config.filter_map(|(name, value)| Some((name.clone(), value.value.clone()?))).collect()
}

/// What a topic of this configuration surely refuses; the time is in milliseconds since 1970.
fn flaw(config: &Config, now: i64) -> Option<Flaw> {
    let size = || {
        let most = number(config, "max.message.bytes").filter(|most| (0..LARGEST).contains(most))?;
        Some(Flaw::Size(usize::try_from(most).ok()? + 1))
    };
    match clock::limit(config) {
        Some(after) => Some(Flaw::Time(now + after + NEVER)),
        None => size(),
    }
}

fn judge(attempt: Attempt) -> Finding {
    match attempt {
        Attempt::Allowed => Finding::ok(KEY, "the bridge's user may write"),
        Attempt::Forbidden => Finding::failure(
            KEY,
            "the bridge's user may not write",
            "allow that user Write on the topic (kafka-acls.sh --add --operation Write)",
        ),
        Attempt::Written => Finding::warning(
            KEY,
            "a record with the key `probe` was written: the topic's limits have changed while they were looked at",
            "its readers should pass it over",
        ),
        Attempt::Unclear(why) => Finding::warning(
            KEY,
            format!("whether the bridge's user may write is not known: {why}"),
            "put right what else is found here, then run check again",
        ),
    }
}
