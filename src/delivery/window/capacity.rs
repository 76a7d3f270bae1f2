//! Share of a window that each partition may hold.

use super::queue::Queue;
use super::{Window, WindowLimits};

impl Window {
    /// Returns how much may be read. Rows are read in pages, so nothing until a quarter of the limits is
    /// free, unless only stuck or skipped partitions hold rows. Nothing while each partition is silent, or
    /// stuck with rows left on disk, because each row would be left on disk.
    pub(in crate::delivery) fn room(&self, limits: WindowLimits, now_ms: i64) -> Option<WindowLimits> {
        let free = self.free(limits);
        if let Some(queue) = self.blocked.and_then(|partition| self.queues.get(&partition))
            && !queue.has_room(free)
            && !queue.is_stuck(now_ms)
        {
            return None;
        }
        let takes_none = |queue: &Queue| {
            queue.is_silent(now_ms) || (queue.first_left().is_some() && queue.is_stuck(now_ms))
        };
        if self.partitions > 1
            && self.queues.len() >= self.partitions as usize
            && self.queues.values().all(takes_none)
        {
            return None;
        }
        let is_enough = free.rows * 4 >= limits.rows && free.bytes * 4 >= limits.bytes;
        let is_stuck = |queue: &Queue| queue.first_left().is_some() || queue.is_stuck(now_ms);
        let is_idle = || self.queues.values().all(|queue| queue.rows == 0 || is_stuck(queue));
        (is_enough || (free.rows > 0 && free.bytes > 0 && is_idle())).then_some(free)
    }

    /// Returns what is free. Stuck partitions count for at most three quarters of the limits, to leave room
    /// for the others, until the window is [`WindowLimits::stuck_excess`] above its limits.
    pub(super) fn free(&self, limits: WindowLimits) -> WindowLimits {
        self.free_beside(self.stuck, limits)
    }

    fn free_beside(&self, (rows, bytes): (usize, usize), limits: WindowLimits) -> WindowLimits {
        let mut free = limits;
        if self.rows.len() < limits.rows * 2 && self.bytes < limits.bytes + limits.stuck_excess() {
            free.rows += rows.saturating_sub(limits.rows / 4 * 3);
            free.bytes += bytes.saturating_sub(limits.bytes / 4 * 3);
        }
        free.without((self.rows.len(), self.bytes))
    }

    /// Returns [`Window::free`] for one partition. Partitions with refused rows count in full for each other,
    /// which leaves the room beyond the limits to the others.
    pub(super) fn free_for(&self, queue: &Queue, limits: WindowLimits) -> WindowLimits {
        self.free_beside(if queue.waiting.is_empty() { self.stuck } else { self.silent }, limits)
    }

    /// Returns what would be free with only unsendable rows: those of silent partitions, at most three
    /// quarters of the limits, and refused rows with those behind them.
    pub(super) fn free_beside_refused(&self, limits: WindowLimits) -> WindowLimits {
        let silent = (self.silent.0.min(limits.rows / 4 * 3), self.silent.1.min(limits.bytes / 4 * 3));
        limits.without(silent).without(self.held_by(Queue::is_refused))
    }

    pub(super) fn held_by(&self, is_counted: impl Fn(&Queue) -> bool) -> (usize, usize) {
        let queues = self.queues.values().filter(|queue| is_counted(queue));
        queues.fold((0, 0), |(rows, bytes), queue| (rows + queue.rows, bytes + queue.bytes))
    }

    /// Returns whether to hold a row of that partition and size in bytes. A partition may hold twice what is
    /// free for all, so that a stuck one leaves room; the first row of an empty one may have any size.
    pub(in crate::delivery) fn accepts(&self, partition: u32, size: usize, limits: WindowLimits) -> bool {
        match self.queues.get(&partition) {
            _ if self.partitions <= 1 || self.rows.is_empty() => true,
            Some(queue) if queue.rows > 0 => {
                let free = self.free_for(queue, limits);
                queue.rows < free.rows * 2 && queue.bytes + size <= free.bytes * 2
            }
            _ => {
                let free = self.free(limits);
                free.rows > 0 && free.bytes > 0
            }
        }
    }

    /// Returns whether a partition accepts nothing, so that its rows can be left on disk.
    pub(in crate::delivery) fn is_stuck(&self, partition: u32, now_ms: i64) -> bool {
        self.queues.get(&partition).is_some_and(|queue| queue.is_stuck(now_ms))
    }

    /// Blocks reading until that partition, which has no room for its next row, has room or is stuck.
    pub(in crate::delivery) fn block_on(&mut self, partition: u32) {
        self.blocked = Some(partition);
    }

    /// Returns whether a partition may have one more row in flight. No common bound is needed: slow start
    /// bounds partitions that are stuck from the start, and [`Window::accepts`] those that are stuck later.
    pub(super) fn may_send(&self, queue: &Queue) -> bool {
        self.partitions <= 1 || queue.out() < queue.pace.allowance
    }
}
