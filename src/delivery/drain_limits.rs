//! Limits of drain windows: each lane's share of a common limit.

use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(test)]
mod tests;

/// Limits of one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WindowLimits {
    pub(super) rows: usize,
    pub(super) bytes: usize,
}

/// Limits of all windows together, which bound memory whatever the backlog.
const IN_HAND_BYTES: usize = 16 * 1024 * 1024;
const IN_HAND_RECORDS: usize = 16 * 1024;

/// Common limit, divided by the number of lanes.
pub(super) struct DrainLimits {
    /// Limits of the producer's queue: records and bytes.
    queue: (usize, usize),
    lanes: AtomicUsize,
}

impl DrainLimits {
    pub(super) fn new(queue: (usize, usize)) -> Self {
        Self { queue, lanes: AtomicUsize::new(0) }
    }

    /// Sets the number of lanes.
    pub(super) fn among(&self, lanes: usize) {
        self.lanes.store(lanes, Ordering::Relaxed);
    }

    /// Returns the limits of one window. All windows together hold at most a quarter of the producer's queue,
    /// so that new events find room.
    pub(super) fn limits(&self) -> WindowLimits {
        let (records, bytes) = self.queue;
        let lanes = self.lanes.load(Ordering::Relaxed).max(1);
        let share = |whole: usize, quarter_of: usize, least| (whole.min(quarter_of / 4) / lanes).max(least);
        WindowLimits {
            rows: share(IN_HAND_RECORDS, records, 1),
            bytes: share(IN_HAND_BYTES, bytes, 64 * 1024),
        }
    }
}
