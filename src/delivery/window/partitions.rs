//! Partitions by which the rows of a window are queued.

use super::{RowState, Window};
use crate::record::{Record, partition};
use crate::spool::RowId;

impl Window {
    /// Sets the number of partitions of the topic, and queues all rows by it. Does nothing while rows are
    /// skipped, because these are known by their partition.
    pub(in crate::delivery) fn set_partitions(&mut self, partitions: u32, now_ms: i64) {
        if partitions == self.partitions || self.first_skipped().is_some() {
            return;
        }
        self.partitions = partitions;
        self.blocked = None;
        let before = std::mem::take(&mut self.queues);
        for (id, row) in &mut self.rows {
            let partition = partition_of(*id, &row.record, partitions);
            let queue = self.queues.entry(partition).or_default();
            (row.partition, queue.rows) = (partition, queue.rows + 1);
            queue.bytes += row.record.size();
            if row.state == RowState::InFlight {
                queue.begin_flight(now_ms);
            }
        }
        // A row that is in flight alone is one of many now: its refusal is no proof.
        for queue in before.into_values() {
            for (rows, which) in [(queue.ready, 0), (queue.suspects, 1), (queue.waiting, 2)] {
                for id in rows {
                    let Some(row) = self.rows.get(&id) else { continue };
                    let queue = self.queues.entry(row.partition).or_default();
                    [&mut queue.ready, &mut queue.suspects, &mut queue.waiting][which].push_back(id);
                }
            }
        }
    }

    /// Returns the partition of a row: that of its key, or one in turn for a record without a key.
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
