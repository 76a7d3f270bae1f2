//! Compares this machine's clock with the broker's.

use super::finding::Finding;
use crate::kafka::{ClockSkew, MAX_CLOCK_ERROR_MS};
use std::time::Duration;

#[cfg(test)]
mod tests;

const KEY: &str = "clock";

/// Largest clock difference, in seconds, that counts as synchronized.
const MAX_UNNOTICED_SKEW_SECONDS: i64 = 5;

/// Judges a clock difference by its effect on signatures that are valid for `tolerance`.
pub(super) fn judge(skew: ClockSkew, tolerance: Duration) -> Finding {
    let tolerance = i64::try_from(tolerance.as_secs()).unwrap_or(i64::MAX);
    let (apart, direction) = match (skew.least, skew.most) {
        (Some(least), _) if least > 0 => (least, "ahead of"),
        (_, Some(most)) if most < 0 => (-most, "behind"),
        _ => (0, ""),
    };
    let fix =
        "set the time: run an NTP client (chrony, systemd-timesyncd) on this machine and on the brokers";
    let text = format!("this machine's clock is at least {apart} s {direction} the broker's");
    if apart > tolerance {
        let text = format!(
            "{text}, more than `signature.tolerance`: if it is the one that is wrong, every signature is stale"
        );
        Finding::failure(KEY, text, fix)
    } else if apart > MAX_UNNOTICED_SKEW_SECONDS {
        let text = format!("{text}: the records' times are wrong, or Kafka keeps them for a wrong time");
        Finding::warning(KEY, text, fix)
    } else {
        Finding::ok(
            KEY,
            format!("within {MAX_UNNOTICED_SKEW_SECONDS} s of the broker's, as far as can be told"),
        )
    }
}

/// Returns how far a record's time may be after the broker's, in milliseconds.
///
/// Returns `None` if the topic has no limit at which the clock can be read.
pub(super) fn limit(config: &super::topic::Config) -> Option<i64> {
    let keeps_time = config.get("message.timestamp.type").is_some_and(|kind| kind == "CreateTime");
    let after = super::topic::number(config, "message.timestamp.after.max.ms")?;
    (keeps_time && (0..MAX_CLOCK_ERROR_MS).contains(&after)).then_some(after)
}

/// Returns the finding for a clock that cannot be read.
pub(super) fn unread(why: &str) -> Finding {
    Finding::skipped(KEY, format!("the broker's clock cannot be read without writing: {why}"))
}
