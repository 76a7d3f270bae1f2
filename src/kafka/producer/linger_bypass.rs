//! Bypass of `linger.ms` at low load.
//!
//! A single record gains nothing from lingering; a flush sends it at once. Measurement:
//! docs/explanation/performance.md, a lone request.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Requests that an idempotent producer has in flight. Waiting gains nothing below this number of records.
pub(super) const MAX_IN_FLIGHT_REQUESTS: usize = 5;

/// Detector of low load. A moment with few records does not count: flushes would send each in its own batch.
pub(super) struct IdleDetector {
    /// Consecutive records sent while few were in flight.
    sent: AtomicUsize,
}

/// Twice what a burst begins with.
const MIN_IDLE_RECORDS: usize = 2 * MAX_IN_FLIGHT_REQUESTS;

impl Default for IdleDetector {
    fn default() -> Self {
        Self { sent: AtomicUsize::new(MIN_IDLE_RECORDS) }
    }
}

impl IdleDetector {
    /// Counts a record sent while `others` are in flight. Returns whether the producer is idle.
    pub(super) fn holds(&self, others: usize) -> bool {
        if others >= MAX_IN_FLIGHT_REQUESTS {
            // Written only on a change, because other threads read it for each record.
            if self.sent.load(Ordering::Relaxed) != 0 {
                self.sent.store(0, Ordering::Relaxed);
            }
            return false;
        }
        self.sent.fetch_add(1, Ordering::Relaxed) >= MIN_IDLE_RECORDS
    }
}

/// Longer than a nearby broker needs to answer. A distant broker has the record by then.
pub(super) const FLUSH_TIMEOUT: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn producer_is_idle_until_many_are_in_flight_and_again_later() {
        let idle_detector = IdleDetector::default();
        assert!(
            (0..MAX_IN_FLIGHT_REQUESTS).all(|others| idle_detector.holds(others)),
            "the first records of all"
        );
        assert!(!idle_detector.holds(MAX_IN_FLIGHT_REQUESTS), "others are there to wait for");
        let since = (0..50).take_while(|_| !idle_detector.holds(0)).count();
        assert_eq!(since, MIN_IDLE_RECORDS, "a moment with few is not enough");
    }

    #[test]
    fn bursts_are_not_idle() {
        let idle_detector = IdleDetector::default();
        let burst = || (0..60).map(|others| idle_detector.holds(others)).collect::<Vec<_>>();
        burst();
        assert!(!burst().contains(&true));
    }
}
