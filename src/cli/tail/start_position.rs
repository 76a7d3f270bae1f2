//! Start position of `tail`.

use crate::kafka::StartPosition;
use chrono::{DateTime, Utc};
use std::time::Duration;

/// Value of `--from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StartArgument {
    Now,
    Beginning,
    At(DateTime<Utc>),
    Ago(Duration),
}

pub(super) fn parse(text: &str) -> Result<StartArgument, String> {
    match text {
        "now" => return Ok(StartArgument::Now),
        "beginning" => return Ok(StartArgument::Beginning),
        _ => {}
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(StartArgument::At(time.to_utc()));
    }
    humantime::parse_duration(text).map(StartArgument::Ago).map_err(|_| {
        "expected now, beginning, a time such as 2026-03-12T14:30:00Z, or how long ago, such as 15m".into()
    })
}

impl StartArgument {
    pub(super) fn start(self, now: DateTime<Utc>) -> StartPosition {
        match self {
            Self::Now => StartPosition::Now,
            Self::Beginning => StartPosition::Beginning,
            Self::At(time) => StartPosition::At(time.timestamp_millis()),
            Self::Ago(ago) => {
                let millis = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX);
                StartPosition::At(now.timestamp_millis().saturating_sub(millis))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(text: &str) -> Result<StartPosition, String> {
        let now = DateTime::from_timestamp_millis(1_000_000_000_000).unwrap();
        Ok(parse(text)?.start(now))
    }

    #[test]
    fn start_position_is_a_word_a_time_or_a_duration() {
        assert_eq!(start("now"), Ok(StartPosition::Now));
        assert_eq!(start("beginning"), Ok(StartPosition::Beginning));
        assert_eq!(start("1970-01-01T01:00:01+01:00"), Ok(StartPosition::At(1000)));
        assert_eq!(start("15m"), Ok(StartPosition::At(1_000_000_000_000 - 15 * 60 * 1000)));
        assert_eq!(start("1h 30s"), Ok(StartPosition::At(1_000_000_000_000 - 3_630_000)));
    }

    #[test]
    fn invalid_start_position_is_rejected_with_the_expected_forms() {
        for wrong in ["", "yesterday", "15", "-15m", "2026-03-12"] {
            assert!(start(wrong).is_err_and(|text| text.contains("15m")), "{wrong}");
        }
    }
}
