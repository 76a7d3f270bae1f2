//! Rate limit for the lines of a replay.

use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// Parses `--rate`.
pub(super) fn parse(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.strip_suffix("/s").unwrap_or(text).trim().parse().ok();
    number
        .filter(|rate| (0.001..=1_000_000.0).contains(rate))
        .ok_or_else(|| "expected lines per second, from 0.001 to 1000000, such as 500 or 500/s".to_owned())
}

/// Schedule of lines at a fixed rate.
#[derive(Debug)]
pub(super) struct RateLimiter {
    /// Lines per second; `None` for no limit.
    rate: Option<f64>,
    began: Instant,
    lines: u64,
}

impl RateLimiter {
    pub(super) fn new(rate: Option<f64>, now: Instant) -> Self {
        Self { rate, began: now, lines: 0 }
    }

    /// Returns the time until the next line is due, or zero.
    pub(super) fn wait(&mut self, now: Instant) -> Duration {
        let Some(rate) = self.rate else { return Duration::ZERO };
        let due = self.began + Duration::from_secs_f64(self.lines as f64 / rate);
        // A delay is not followed by a burst.
        if now > due + Duration::from_secs(1) {
            self.began = now;
            self.lines = 0;
        }
        due.saturating_duration_since(now)
    }

    /// Counts a line as sent.
    pub(super) fn take(&mut self) {
        self.lines += 1;
    }
}
