//! This machine's clock against the broker's.

use super::finding::Finding;
use crate::kafka::{ClockSkew, MAX_CLOCK_ERROR_MS};
use std::time::Duration;

#[cfg(test)]
mod tests;

const KEY: &str = "clock";

/// Clocks that keep to the time are nearer to each other than that many seconds.
const NEAR: i64 = 5;

/// What a clock that is so far off does to signatures that are valid for `tolerance`.
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
    } else if apart > NEAR {
        let text = format!("{text}: the records' times are wrong, or Kafka keeps them for a wrong time");
        Finding::warning(KEY, text, fix)
    } else {
        Finding::ok(KEY, format!("within {NEAR} s of the broker's, as far as can be told"))
    }
}

/// How far the time of a record may lie after the broker's, if the topic draws a line at which the
/// clock can be read.
pub(super) fn limit(config: &super::topic::Config) -> Option<i64> {
    let keeps_time = config.get("message.timestamp.type").is_some_and(|kind| kind == "CreateTime");
    let after = super::topic::number(config, "message.timestamp.after.max.ms")?;
    (keeps_time && (0..MAX_CLOCK_ERROR_MS).contains(&after)).then_some(after)
}

/// The clock cannot be read.
pub(super) fn unread(why: &str) -> Finding {
    Finding::skipped(KEY, format!("the broker's clock cannot be read without writing: {why}"))
}
