//! Where reading begins, as it is written on the command line.

use crate::kafka::StartPosition;
use chrono::{DateTime, Utc};
use std::time::Duration;

#[cfg(test)]
mod tests;

/// What `--from` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// `now`
    Now,
    /// `beginning`
    Beginning,
    /// A point in time.
    At(DateTime<Utc>),
    /// So long ago.
    Ago(Duration),
}

/// Reads `--from`.
pub(super) fn parse(text: &str) -> Result<From, String> {
    match text {
        "now" => return Ok(From::Now),
        "beginning" => return Ok(From::Beginning),
        _ => {}
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(From::At(time.to_utc()));
    }
    humantime::parse_duration(text).map(From::Ago).map_err(|_| {
        "expected now, beginning, a time such as 2026-03-12T14:30:00Z, or how long ago, such as 15m".into()
    })
}

impl From {
    /// What that means at `now`.
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
