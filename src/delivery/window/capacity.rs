//! Share of a window that each partition may hold.

use super::queue::Queue;
use super::slow_start::MIN_IN_FLIGHT;
use super::{Window, WindowLimits};

/// Bytes that a window may hold beyond its limit because partitions are stuck.
///
/// Each may hold a record of any size, and the others need room beside them.
const MAX_STUCK_EXCESS: usize = 4 * 1024 * 1024;

impl Window {
    /// Returns how much may be read: nothing until a quarter of the limits is free, because rows are read by
    /// the page, unless only partitions that are stuck or skipped hold rows. Nothing while all partitions are
    /// silent, because each row would be left on disk.
    pub(in crate::delivery) fn room(&self, limits: WindowLimits, now_ms: i64) -> Option<WindowLimits> {
        let free = self.free(limits);
        if let Some(queue) = self.blocked.and_then(|partition| self.queues.get(&partition))
            && !queue.has_room(free)
            && !queue.is_stuck(now_ms)
        {
            return None;
        }
        let silent = || self.queues.values().filter(|queue| queue.is_silent(now_ms)).count();
        if self.partitions > 1
            && self.queues.len() >= self.partitions as usize
            && silent() == self.queues.len()
        {
            return None;
        }
        let is_enough = free.rows * 4 >= limits.rows && free.bytes * 4 >= limits.bytes;
        let is_stuck = |queue: &Queue| queue.first_left().is_some() || queue.is_stuck(now_ms);
        let is_idle = || self.queues.values().all(|queue| queue.rows == 0 || is_stuck(queue));
        (is_enough || (free.rows > 0 && free.bytes > 0 && is_idle())).then_some(free)
    }

    /// Returns what is free. Stuck partitions count for at most three quarters of the limits, so that the
    /// others have room, until the window exceeds its limits by far.
    pub(super) fn free(&self, limits: WindowLimits) -> WindowLimits {
        let mut free = limits;
        if self.rows.len() < limits.rows * 2 && self.bytes < limits.bytes + MAX_STUCK_EXCESS {
            let (rows, bytes) = self.stuck;
            free.rows += rows.saturating_sub(limits.rows / 4 * 3);
            free.bytes += bytes.saturating_sub(limits.bytes / 4 * 3);
        }
        WindowLimits {
            rows: free.rows.saturating_sub(self.rows.len()),
            bytes: free.bytes.saturating_sub(self.bytes),
        }
    }

    /// Returns whether a row of that partition and size in bytes may be taken. A partition may hold twice
    /// what is free for all others, so that a stuck one leaves them room; the first row of an empty one may
    /// have any size.
    pub(in crate::delivery) fn accepts(&self, partition: u32, size: usize, limits: WindowLimits) -> bool {
        let free = self.free(limits);
        match self.queues.get(&partition) {
            _ if self.partitions <= 1 || self.rows.is_empty() => true,
            Some(queue) if queue.rows > 0 => {
                queue.rows < free.rows * 2 && queue.bytes + size <= free.bytes * 2
            }
            _ => free.rows > 0 && free.bytes > 0,
        }
    }

    /// Returns whether a partition accepts nothing at that time, in milliseconds since 1970: its rows can be
    /// left on disk while those of others are read.
    pub(in crate::delivery) fn is_stuck(&self, partition: u32, now_ms: i64) -> bool {
        self.queues.get(&partition).is_some_and(|queue| queue.is_stuck(now_ms))
    }

    /// Has no row read until that partition, which could not take its next one, has room or is stuck.
    pub(in crate::delivery) fn block_on(&mut self, partition: u32) {
        self.blocked = Some(partition);
    }

    /// Returns whether a partition may have one more row in flight.
    ///
    /// All partitions together have at most half of the limits in flight, and each a few rows beyond: a
    /// quarter of the limits in total. A row may have any size if it is the only one of its partition.
    pub(super) fn may_send(&self, queue: &Queue) -> bool {
        let Some(limits) = self.limits.filter(|_| self.partitions > 1 && queue.out > 0) else { return true };
        let share = |whole: usize| whole / 4 / self.partitions as usize;
        if queue.out < share(limits.rows).min(MIN_IN_FLIGHT) && queue.out_bytes < share(limits.bytes) {
            return true;
        }
        let free = |whole: usize, out: usize| (whole / 2).saturating_sub(out);
        queue.out < queue.pace.allowance.min(2 * free(limits.rows, self.out))
            && queue.out_bytes < 2 * free(limits.bytes, self.out_bytes)
    }
}
