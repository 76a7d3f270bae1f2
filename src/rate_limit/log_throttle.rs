//! Throttle for log lines that clients or an outage could write without limit.

use super::TokenBucket;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// Throttle that limits log lines, and counts those that it suppresses.
#[derive(Debug)]
pub struct LogThrottle {
    bucket: TokenBucket,
    suppressed: AtomicU64,
}

impl LogThrottle {
    /// Accepts `burst` lines at once, then `per_second` lines a second.
    pub fn new(burst: u32, per_second: u32) -> Self {
        Self { bucket: TokenBucket::new(burst, per_second), suppressed: AtomicU64::new(0) }
    }

    /// Accepts one line for each interval.
    pub fn every(interval: Duration) -> Self {
        Self { bucket: TokenBucket::with_interval(1, interval), suppressed: AtomicU64::new(0) }
    }

    /// Returns the number of lines suppressed since the last accepted line, if this line is accepted.
    pub fn pass(&self, now: Instant) -> Option<u64> {
        if self.bucket.take(now, 1) {
            return Some(self.suppressed.swap(0, Ordering::Relaxed));
        }
        self.suppressed.fetch_add(1, Ordering::Relaxed);
        None
    }
}
