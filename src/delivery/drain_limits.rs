use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WindowLimits {
    pub(super) rows: usize,
    pub(super) bytes: usize,
}

impl WindowLimits {
    pub(super) fn without(self, (rows, bytes): (usize, usize)) -> Self {
        Self { rows: self.rows.saturating_sub(rows), bytes: self.bytes.saturating_sub(bytes) }
    }

    /// Returns the bytes that a window may hold beyond its limit while partitions are stuck, because the others
    /// need room beside them. At least one record, which may have any size.
    pub(super) fn stuck_excess(self) -> usize {
        (self.bytes * 4).clamp(MIN_STUCK_EXCESS, MAX_STUCK_EXCESS)
    }
}

// Limits of all windows together, to bound memory with any backlog.
const MAX_HELD_BYTES: usize = 16 * 1024 * 1024;
const MAX_HELD_RECORDS: usize = 16 * 1024;
/// Limits of what one window holds beyond its share. The minimum is about the largest record that Kafka
/// accepts by default.
const MIN_STUCK_EXCESS: usize = 1024 * 1024;
const MAX_STUCK_EXCESS: usize = 4 * 1024 * 1024;

/// Limits of all windows, divided by the number of lanes.
pub(super) struct DrainLimits {
    /// Limits of the producer's queue: records and bytes.
    queue: (usize, usize),
    lanes: AtomicUsize,
}

impl DrainLimits {
    pub(super) fn new(queue: (usize, usize)) -> Self {
        Self { queue, lanes: AtomicUsize::new(0) }
    }

    pub(super) fn among(&self, lanes: usize) {
        self.lanes.store(lanes, Ordering::Relaxed);
    }

    /// Returns the limits of one window. All windows hold at most a quarter of the producer's queue, to leave
    /// room for new events.
    pub(super) fn limits(&self) -> WindowLimits {
        let (records, bytes) = self.queue;
        let lanes = self.lanes.load(Ordering::Relaxed).max(1);
        let share = |whole: usize, quarter_of: usize, least| (whole.min(quarter_of / 4) / lanes).max(least);
        WindowLimits {
            rows: share(MAX_HELD_RECORDS, records, 1),
            bytes: share(MAX_HELD_BYTES, bytes, 64 * 1024),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DrainLimits;
    use crate::delivery::drain_limits::WindowLimits;

    #[test]
    fn drains_share_what_may_be_in_hand() {
        let limits = |lanes, queue| {
            let share = DrainLimits::new(queue);
            share.among(lanes);
            let WindowLimits { rows, bytes } = share.limits();
            (rows, bytes)
        };
        assert_eq!(limits(1, (1_000_000, 1 << 30)), (16 * 1024, 16 << 20));
        assert_eq!(limits(4, (4000, 8 << 20)), (250, 512 << 10));
        assert_eq!(limits(1000, (100, 1 << 20)), (1, 64 << 10), "each can go on");
        assert_eq!(limits(0, (4000, 8 << 20)), (1000, 2 << 20));
    }

    #[test]
    fn lanes_share_the_excess_of_stuck_partitions() {
        let excess = |lanes| {
            let share = DrainLimits::new((1_000_000, 1 << 30));
            share.among(lanes);
            share.limits().stuck_excess()
        };
        assert_eq!([1, 16, 32, 1000].map(excess), [4 << 20, 4 << 20, 2 << 20, 1 << 20]);
    }
}
