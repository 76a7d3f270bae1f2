//! Start position of `tail`.

use crate::kafka::Start;
use chrono::{DateTime, Utc};
use std::time::Duration;

#[cfg(test)]
mod tests;

/// Value of `--from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StartPosition {
    /// `now`
    Now,
    /// `beginning`
    Beginning,
    /// Point in time.
    At(DateTime<Utc>),
    /// Duration before now.
    Ago(Duration),
}

/// Parses `--from`.
pub(super) fn parse(text: &str) -> Result<StartPosition, String> {
    match text {
        "now" => return Ok(StartPosition::Now),
        "beginning" => return Ok(StartPosition::Beginning),
        _ => {}
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(StartPosition::At(time.to_utc()));
    }
    humantime::parse_duration(text).map(StartPosition::Ago).map_err(|_| {
        "expected now, beginning, a time such as 2026-03-12T14:30:00Z, or how long ago, such as 15m".into()
    })
}

impl StartPosition {
    /// Returns the start relative to `now`.
    pub(super) fn start(self, now: DateTime<Utc>) -> Start {
        match self {
            Self::Now => Start::Now,
            Self::Beginning => Start::Beginning,
            Self::At(time) => Start::At(time.timestamp_millis()),
            Self::Ago(ago) => {
                let millis = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX);
                Start::At(now.timestamp_millis().saturating_sub(millis))
            }
        }
    }
}
