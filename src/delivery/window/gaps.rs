//! Rows that are left on disk while later ones are read, because their partition is stuck.
//!
//! Held rows of a key always precede those left on disk, so a later read continues in order.

use super::queue::Queue;
use super::{RowState, Window, WindowLimits};
use crate::spool::RowId;
use std::collections::BTreeSet;

impl Window {
    /// Finds newly stuck partitions and evicts their rows that were never sent. Returns whether there are
    /// any.
    pub(in crate::delivery) fn find_stuck(&mut self, now_ms: i64) -> bool {
        (self.stuck, self.silent) = ((0, 0), (0, 0));
        if self.partitions <= 1 {
            return false;
        }
        let mut found = Vec::new();
        for (partition, queue) in &mut self.queues {
            if queue.is_silent(now_ms) && !std::mem::replace(&mut queue.was_stuck, true) {
                queue.pace.restart();
                found.push(*partition);
            }
        }
        found.iter().for_each(|partition| self.evict(*partition));
        self.stuck = self.held_by(|queue| queue.is_stuck(now_ms));
        self.silent = self.held_by(|queue| queue.is_silent(now_ms));
        !found.is_empty()
    }

    /// Returns when the next partition is stuck without an answer.
    pub(in crate::delivery) fn next_stuck_at(&self, now_ms: i64) -> Option<i64> {
        self.queues.values().filter_map(|queue| queue.silent_at(now_ms)).min()
    }

    /// Leaves the never sent rows of a partition on disk, except those that precede a held row of their key.
    fn evict(&mut self, partition: u32) {
        let Some(queue) = self.queues.get_mut(&partition).filter(|queue| queue.rows > queue.out()) else {
            return;
        };
        let is_unsent = |state| matches!(state, RowState::Ready | RowState::Behind);
        let unsent = self.rows.iter().filter(|(_, held)| held.partition == partition && !held.was_sent);
        let unsent = unsent.filter(|(_, held)| is_unsent(held.state));
        let mut ids: Vec<_> = unsent.map(|(id, _)| *id).collect();
        // The last row of a key first.
        ids.sort_unstable_by(|one, other| other.cmp(one));
        for id in ids {
            let Some(held) = self.rows.get(&id) else { continue };
            if let Some(key) = &held.record.key {
                let Some(rows) = self.keys.get_mut(key) else { continue };
                if rows.back() != Some(&id) {
                    continue;
                }
                rows.pop_back();
                if rows.is_empty() {
                    self.keys.remove(key);
                }
            }
            let size = held.record.size();
            self.rows.remove(&id);
            self.bytes -= size;
            queue.bytes -= size;
            queue.rows -= 1;
            queue.evicted.insert(id);
        }
        queue.retain_ready(|id| self.rows.contains_key(id));
    }

    pub(in crate::delivery) fn is_silent(&self, partition: u32, now_ms: i64) -> bool {
        self.partitions > 1 && self.queues.get(&partition).is_some_and(|queue| queue.is_silent(now_ms))
    }

    /// Leaves a row, and all later rows of its partition until [`Window::resume`], on disk.
    pub(in crate::delivery) fn skip(&mut self, partition: u32, id: RowId) {
        super::queue_of(&mut self.queues, &mut self.paces, partition).skipped.get_or_insert(id);
    }

    pub(in crate::delivery) fn skips(&self, partition: u32) -> bool {
        self.first_left(partition).is_some()
    }

    fn first_left(&self, partition: u32) -> Option<RowId> {
        self.queues.get(&partition).and_then(Queue::first_left)
    }

    /// Returns the first skipped row of all partitions, without evicted ones.
    pub(in crate::delivery) fn first_skipped(&self) -> Option<RowId> {
        self.queues.values().filter_map(|queue| queue.skipped).min()
    }

    /// Returns the first row left on disk of the partitions that have room for such rows, and how much may be
    /// read.
    pub(in crate::delivery) fn resumable(
        &self,
        limits: WindowLimits,
        now_ms: i64,
    ) -> Option<(RowId, WindowLimits)> {
        let free = self.free(limits);
        if free.rows == 0 || free.bytes == 0 {
            return None;
        }
        let has_room =
            |queue: &&Queue| queue.has_room(self.free_for(queue, limits)) && !queue.is_silent(now_ms);
        let first = self.queues.values().filter(has_room).filter_map(Queue::first_left).min()?;
        Some((first, free))
    }

    /// Returns whether a row was left on disk and is the next of its partition, in a read from `first` on.
    pub(in crate::delivery) fn is_next_left(&self, partition: u32, id: RowId, first: RowId) -> bool {
        let Some(queue) = self.queues.get(&partition) else { return false };
        let is_left = queue.evicted.contains(&id) || queue.skipped.is_some_and(|skipped| id >= skipped);
        is_left && queue.first_left() >= Some(first)
    }

    /// Handles that a row left on disk is held again, or has left the spool.
    pub(in crate::delivery) fn resume(&mut self, partition: u32, id: RowId) {
        if let Some(queue) = self.queues.get_mut(&partition)
            && !queue.evicted.remove(&id)
        {
            queue.skipped = Some(RowId(id.0 + 1));
        }
    }

    /// Handles that rows from `first` to before `next` were read: each partition except `stopped` continues
    /// at `next`. `None`: no later row was skipped.
    pub(in crate::delivery) fn end_resume(
        &mut self,
        first: RowId,
        next: Option<RowId>,
        stopped: &BTreeSet<u32>,
    ) {
        for (partition, queue) in &mut self.queues {
            if stopped.contains(partition) || queue.first_left().is_none_or(|left| left < first) {
                continue;
            }
            // Does not wait for rows that a damaged file lost.
            queue.evicted = next.map_or_else(BTreeSet::new, |next| queue.evicted.split_off(&next));
            queue.skipped = queue.skipped.and_then(|skipped| Some(skipped.max(next?)));
        }
        let partitions: Vec<_> = self.queues.keys().copied().collect();
        partitions.into_iter().for_each(|partition| self.forget_if_empty(partition));
    }

    pub(super) fn forget_if_empty(&mut self, partition: u32) {
        let is_empty = |queue: &Queue| queue.rows == 0 && queue.first_left().is_none();
        if self.queues.get(&partition).is_some_and(is_empty)
            && let Some(queue) = self.queues.remove(&partition)
        {
            self.paces.insert(partition, queue.pace);
        }
    }
}
