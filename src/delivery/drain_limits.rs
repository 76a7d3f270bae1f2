//! What each drain may have in hand, of what all may have together.

use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(test)]
mod tests;

/// Most that a window holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WindowLimits {
    pub(super) rows: usize,
    pub(super) bytes: usize,
}

/// What all drains together have in hand at most: it bounds memory, whatever the backlog.
const IN_HAND_BYTES: usize = 16 * 1024 * 1024;
const IN_HAND_RECORDS: usize = 16 * 1024;

/// The part of each lane, which gets smaller with every lane that is added.
pub(super) struct DrainLimits {
    /// What the producer's queue takes: records and bytes.
    queue: (usize, usize),
    lanes: AtomicUsize,
}

impl DrainLimits {
    pub(super) fn new(queue: (usize, usize)) -> Self {
        Self { queue, lanes: AtomicUsize::new(0) }
    }

    /// Says how many lanes there are now.
    pub(super) fn among(&self, lanes: usize) {
        self.lanes.store(lanes, Ordering::Relaxed);
    }

    /// What one drain may have in hand: all together no more than a quarter of the producer's queue, so
    /// that fresh events find room, and no more than memory is promised for.
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
