//! Partitions by which the rows of a window are queued.

use super::queue::Queue;
use super::{RowState, Window};
use crate::record::{Record, partition};
use crate::spool::RowId;
use std::collections::VecDeque;

impl Window {
    /// Returns 0 if unknown.
    pub(in crate::delivery) fn partitions(&self) -> u32 {
        self.partitions
    }

    /// Sets the number of partitions and queues all rows by it. Ignores 0 (unknown). Does nothing while rows
    /// are left on disk, because these are known by their partition.
    pub(in crate::delivery) fn set_partitions(&mut self, partitions: u32, now_ms: i64) {
        let is_known = partitions > 0 && partitions != self.partitions;
        if !is_known || self.queues.values().any(|queue| queue.first_left().is_some()) {
            return;
        }
        self.partitions = partitions;
        self.blocked = None;
        (self.stuck, self.silent) = ((0, 0), (0, 0));
        self.paces.clear();
        let before = std::mem::take(&mut self.queues);
        for (id, row) in &mut self.rows {
            row.partition = partition_of(*id, &row.record, partitions);
            if let Some(refusal) = &mut row.refusal {
                refusal.acknowledged = 0;
            }
            let queue = self.queues.entry(row.partition).or_default();
            queue.rows += 1;
            queue.bytes += row.record.size();
            if row.state == RowState::InFlight {
                queue.begin_flight(*id, row.sent_ms, now_ms);
            }
        }
        // A row sent alone is one of many now: its refusal proves nothing.
        for queue in before.into_values() {
            self.queue_again(queue.ready, |queue| &mut queue.ready);
            self.queue_again(queue.suspects, |queue| &mut queue.suspects);
            self.queue_again(queue.waiting, |queue| &mut queue.waiting);
        }
    }

    fn queue_again(&mut self, ids: VecDeque<RowId>, list: fn(&mut Queue) -> &mut VecDeque<RowId>) {
        for id in ids {
            let queue = self.rows.get(&id).and_then(|row| self.queues.get_mut(&row.partition));
            if let Some(queue) = queue {
                list(queue).push_back(id);
            }
        }
    }

    /// Returns the partition of a row: by its key, or in turn without one.
    pub(in crate::delivery) fn partition_of(&self, id: RowId, record: &Record) -> u32 {
        partition_of(id, record, self.partitions)
    }
}

fn partition_of(id: RowId, record: &Record, partitions: u32) -> u32 {
    let in_turn = || id.0.unsigned_abs().checked_rem(u64::from(partitions));
    let partition = match &record.key {
        Some(key) => partition(key, partitions),
        None => in_turn().and_then(|partition| u32::try_from(partition).ok()),
    };
    partition.unwrap_or(0)
}
