//! Share of a window that each partition may hold, and the rows that are left on disk beyond it.

use super::queue::Queue;
use super::{Window, WindowLimits};
use crate::spool::RowId;

impl Window {
    /// Returns how much may be read: nothing until a quarter of the limits is free, because rows are read by
    /// the page, unless only partitions that are stuck or skipped hold rows.
    pub(in crate::delivery) fn room(&self, limits: WindowLimits, now_ms: i64) -> Option<WindowLimits> {
        let free = self.free(limits);
        if let Some(queue) = self.blocked.and_then(|partition| self.queues.get(&partition))
            && !queue.has_room(free)
            && !queue.is_stuck(now_ms)
        {
            return None;
        }
        let is_enough = free.rows * 4 >= limits.rows && free.bytes * 4 >= limits.bytes;
        let is_stuck = |queue: &Queue| queue.skipped.is_some() || queue.is_stuck(now_ms);
        let is_idle = || self.queues.values().all(|queue| queue.rows == 0 || is_stuck(queue));
        (is_enough || (free.rows > 0 && free.bytes > 0 && is_idle())).then_some(free)
    }

    fn free(&self, limits: WindowLimits) -> WindowLimits {
        WindowLimits {
            rows: limits.rows.saturating_sub(self.rows.len()),
            bytes: limits.bytes.saturating_sub(self.bytes),
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

    /// Leaves a row on disk. From now on all later rows of its partition are skipped as well, until
    /// [`Window::resume_at`] has reached them.
    pub(in crate::delivery) fn skip(&mut self, partition: u32, id: RowId) {
        self.queues.entry(partition).or_default().skipped.get_or_insert(id);
    }

    /// Returns whether rows of that partition are skipped.
    pub(in crate::delivery) fn skips(&self, partition: u32) -> bool {
        self.queues.get(&partition).is_some_and(|queue| queue.skipped.is_some())
    }

    /// Returns the first row that was skipped, of any partition.
    pub(in crate::delivery) fn first_skipped(&self) -> Option<RowId> {
        self.queues.values().filter_map(|queue| queue.skipped).min()
    }

    /// Returns a partition that has room again for the rows that it skipped, and the first of them.
    pub(in crate::delivery) fn resumable(
        &self,
        limits: WindowLimits,
        now_ms: i64,
    ) -> Option<(u32, RowId, WindowLimits)> {
        let free = self.free(limits);
        if free.rows == 0 || free.bytes == 0 {
            return None;
        }
        let mut queues = self.queues.iter();
        queues.find_map(|(partition, queue)| {
            let first = queue.skipped?;
            (queue.has_room(free) && !queue.is_stuck(now_ms)).then_some((*partition, first, free))
        })
    }

    /// Continues with the skipped rows of a partition at a later row. `None`: there are no more.
    pub(in crate::delivery) fn resume_at(&mut self, partition: u32, first: Option<RowId>) {
        if let Some(queue) = self.queues.get_mut(&partition) {
            queue.skipped = first;
        }
        self.forget_if_empty(partition);
    }

    /// Removes the queue of a partition that holds and skips nothing.
    pub(super) fn forget_if_empty(&mut self, partition: u32) {
        let is_empty = |queue: &Queue| queue.rows == 0 && queue.skipped.is_none();
        if self.queues.get(&partition).is_some_and(is_empty) {
            self.queues.remove(&partition);
        }
    }
}
