//! Compares this machine's clock with the broker's.

use super::finding::Finding;
use crate::kafka::{ClockSkew, MAX_CLOCK_ERROR_MS};
use std::time::Duration;

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

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    fn level(least: Option<i64>, most: Option<i64>) -> (Level, String) {
        let finding = judge(ClockSkew { least, most }, Duration::from_secs(900));
        (finding.level, finding.text)
    }

    #[test]
    fn clock_passes_unless_the_skew_is_certain() {
        for (least, most) in [
            (Some(-1), Some(1)),
            (Some(5), Some(8)),
            (Some(-8), Some(-5)),
            (None, None),
            (Some(-20), Some(20)),
        ] {
            assert_eq!(level(least, most).0, Level::Ok, "{least:?} {most:?}");
        }
    }

    #[test]
    fn small_skew_is_a_warning_and_skew_beyond_the_tolerance_a_failure() {
        assert_eq!(level(Some(7), Some(11)).0, Level::Warning);
        assert_eq!(level(Some(900), None).0, Level::Warning);
        assert_eq!(level(Some(901), None).0, Level::Failure);
        assert_eq!(level(None, Some(-901)).0, Level::Failure);
        assert!(level(Some(60), Some(90)).1.contains("60 s ahead of"));
        assert!(level(Some(-90), Some(-60)).1.contains("60 s behind"));
    }

    #[test]
    fn clock_is_readable_on_topics_with_create_time_and_a_limit() {
        let config = |kind: &str, after: &str| {
            [("message.timestamp.type", kind), ("message.timestamp.after.max.ms", after)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into()
        };
        assert_eq!(limit(&config("CreateTime", "3600000")), Some(3_600_000));
        assert_eq!(limit(&config("CreateTime", "9223372036854775807")), None);
        assert_eq!(limit(&config("LogAppendTime", "3600000")), None);
    }
}
