//! Share of a window that each partition may hold, and the rows that are left on disk beyond it.

use super::queue::Queue;
use super::{Window, WindowLimits};
use crate::spool::RowId;

/// Bytes that a window may hold beyond its limit because partitions are stuck.
///
/// Each may hold a record of any size, and the others need room beside them.
const MAX_STUCK_EXCESS: usize = 4 * 1024 * 1024;

impl Window {
    /// Returns how much may be read: nothing until a quarter of the limits is free, because rows are read by
    /// the page, unless only partitions that are stuck or skipped hold rows. Nothing either while all
    /// partitions are stuck.
    pub(in crate::delivery) fn room(&self, limits: WindowLimits, now_ms: i64) -> Option<WindowLimits> {
        let free = self.free(limits, now_ms);
        if let Some(queue) = self.blocked.and_then(|partition| self.queues.get(&partition))
            && !queue.has_room(free)
            && !queue.is_stuck(now_ms)
        {
            return None;
        }
        let is_stuck = |queue: &Queue| queue.skipped.is_some() || queue.is_stuck(now_ms);
        let stuck = self.queues.values().filter(|queue| queue.is_stuck(now_ms)).count();
        if self.partitions > 1 && stuck >= self.partitions as usize {
            return None;
        }
        let is_enough = free.rows * 4 >= limits.rows && free.bytes * 4 >= limits.bytes;
        let is_idle = || self.queues.values().all(|queue| queue.rows == 0 || is_stuck(queue));
        (is_enough || (free.rows > 0 && free.bytes > 0 && is_idle())).then_some(free)
    }

    /// Returns what is free for new rows. Rows of stuck partitions take at most three quarters of the
    /// limits, so that the others always have room, until the window exceeds its limits by far.
    fn free(&self, limits: WindowLimits, now_ms: i64) -> WindowLimits {
        let (mut rows, mut bytes) = (self.rows.len(), self.bytes);
        if self.partitions > 1 {
            let stuck = self.queues.values().filter(|queue| queue.is_stuck(now_ms));
            let (stuck_rows, stuck_bytes) =
                stuck.fold((0, 0), |(rows, bytes), queue| (rows + queue.rows, bytes + queue.bytes));
            if rows < limits.rows * 2 && bytes < limits.bytes + MAX_STUCK_EXCESS {
                rows -= stuck_rows - stuck_rows.min(limits.rows / 4 * 3);
                bytes -= stuck_bytes - stuck_bytes.min(limits.bytes / 4 * 3);
            }
        }
        WindowLimits { rows: limits.rows.saturating_sub(rows), bytes: limits.bytes.saturating_sub(bytes) }
    }

    /// Returns whether a row of that partition and size in bytes may be taken.
    ///
    /// A partition may hold twice what is free for all others, so that a stuck one leaves them room, and a few
    /// rows more than it has had acknowledged. The first row of an empty one may have any size.
    pub(in crate::delivery) fn accepts(
        &self,
        partition: u32,
        size: usize,
        limits: WindowLimits,
        now_ms: i64,
    ) -> bool {
        let free = self.free(limits, now_ms);
        match self.queues.get(&partition) {
            _ if self.partitions <= 1 || self.rows.is_empty() => true,
            Some(queue) if queue.rows > 0 => {
                let may_hold = (free.rows * 2).min(queue.credit);
                queue.rows < may_hold && queue.bytes + size <= free.bytes * 2
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

    /// Returns the first row of that partition that was skipped.
    pub(in crate::delivery) fn skipped(&self, partition: u32) -> Option<RowId> {
        self.queues.get(&partition)?.skipped
    }

    /// Returns the first row that was skipped, of any partition.
    pub(in crate::delivery) fn first_skipped(&self) -> Option<RowId> {
        self.queues.values().filter_map(|queue| queue.skipped).min()
    }

    /// Returns the first row that a partition skipped which has room again, and how much may be read.
    pub(in crate::delivery) fn resumable(
        &self,
        limits: WindowLimits,
        now_ms: i64,
    ) -> Option<(RowId, WindowLimits)> {
        let free = self.free(limits, now_ms);
        let has_room = |queue: &&Queue| queue.has_room(free) && !queue.is_stuck(now_ms);
        let first = self.queues.values().filter(has_room).filter_map(|queue| queue.skipped).min()?;
        (free.rows > 0 && free.bytes > 0).then_some((first, free))
    }

    /// Continues with the skipped rows of a partition at a later row. `None`: there are no more.
    pub(in crate::delivery) fn resume_at(&mut self, partition: u32, first: Option<RowId>) {
        if let Some(queue) = self.queues.get_mut(&partition) {
            queue.skipped = first;
        }
        self.forget_if_empty(partition);
    }

    /// Continues at `next` with each partition, except `stopped`, whose skipped rows from `first` on were
    /// read. `None`: there are no more.
    pub(in crate::delivery) fn resume_all(&mut self, first: RowId, next: Option<RowId>, stopped: &[u32]) {
        let was_read = |partition: u32, queue: &Queue| {
            !stopped.contains(&partition) && queue.skipped.is_some_and(|skipped| skipped >= first)
        };
        let queues = self.queues.iter().filter(|(partition, queue)| was_read(**partition, queue));
        let partitions: Vec<_> = queues.map(|(partition, queue)| (*partition, queue.skipped)).collect();
        for (partition, skipped) in partitions {
            self.resume_at(partition, next.map(|next| skipped.map_or(next, |skipped| skipped.max(next))));
        }
    }

    /// Removes the queue of a partition that holds and skips nothing.
    pub(super) fn forget_if_empty(&mut self, partition: u32) {
        let is_empty = |queue: &Queue| queue.rows == 0 && queue.skipped.is_none();
        if self.queues.get(&partition).is_some_and(is_empty) {
            self.queues.remove(&partition);
        }
    }
}
