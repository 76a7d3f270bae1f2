//! Start position of `tail`.

use crate::kafka::StartPosition;
use chrono::{DateTime, Utc};
use std::time::Duration;

#[cfg(test)]
mod tests;

/// Value of `--from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StartArgument {
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
    /// Returns the start relative to `now`.
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
