//! Throttle for log lines that clients or an outage could write without limit.

use super::TokenBucket;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(crate) struct LogThrottle {
    bucket: TokenBucket,
    suppressed: AtomicU64,
}

/// Limits on lines of one kind about events. An outage produces thousands a second.
impl Default for LogThrottle {
    fn default() -> Self {
        const BURST: u32 = 100;
        const LINES_PER_SECOND: u32 = 10;
        Self::new(BURST, LINES_PER_SECOND)
    }
}

impl LogThrottle {
    /// Accepts `burst` lines at once, then `per_second` lines a second.
    fn new(burst: u32, per_second: u32) -> Self {
        Self { bucket: TokenBucket::new(burst, per_second), suppressed: AtomicU64::new(0) }
    }

    pub(crate) fn every(interval: Duration) -> Self {
        Self { bucket: TokenBucket::with_interval(1, interval), suppressed: AtomicU64::new(0) }
    }

    /// Returns the number of lines suppressed since the last accepted one, if this line is accepted.
    pub(crate) fn pass(&self, now: Instant) -> Option<u64> {
        if self.bucket.take(now, 1) {
            return Some(self.suppressed.swap(0, Ordering::Relaxed));
        }
        self.suppressed.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_for_each_interval_with_the_number_suppressed() {
        let throttle = LogThrottle::every(Duration::from_secs(10));
        let start = Instant::now();
        let at = |seconds| throttle.pass(start + Duration::from_secs(seconds));
        assert_eq!(at(0), Some(0));
        assert_eq!((at(1), at(9)), (None, None));
        assert_eq!(at(10), Some(2));
        assert_eq!(at(19), None);
        assert_eq!(at(30), Some(1));
    }

    #[test]
    fn burst_of_lines_passes_and_then_the_rate() {
        let throttle = LogThrottle::new(3, 2);
        let start = Instant::now();
        let at = |millis| throttle.pass(start + Duration::from_millis(millis));
        assert_eq!([at(0), at(0), at(0)], [Some(0); 3]);
        assert_eq!([at(0), at(100), at(400)], [None; 3]);
        assert_eq!(at(500), Some(3));
        assert_eq!(at(900), None);
        assert_eq!(at(1000), Some(1));
    }
}
