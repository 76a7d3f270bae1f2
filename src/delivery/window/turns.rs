//! Choice of the partition to send to next.

use super::Window;
use super::queue::Queue;

impl Window {
    pub(super) fn queue_has_next(&self, queue: &Queue, now_ms: i64) -> bool {
        match (&queue.alone, queue.is_suspects_turn()) {
            (Some(_), _) => false,
            (None, true) => queue.all_stuck_at(now_ms).is_none_or(|at| at <= now_ms),
            (None, false) => !queue.ready.is_empty() && self.may_send(queue),
        }
    }

    pub(super) fn next_partition(&self, now_ms: i64) -> Option<u32> {
        let later = self.first_sendable(self.last_partition.saturating_add(1).., now_ms);
        later.or_else(|| self.first_sendable(.., now_ms))
    }

    fn first_sendable(&self, among: impl std::ops::RangeBounds<u32>, now_ms: i64) -> Option<u32> {
        let mut queues = self.queues.range(among);
        let found = queues.find(|(_, queue)| self.queue_has_next(queue, now_ms));
        found.map(|(partition, _)| *partition)
    }

    /// Returns the partition of a probe: the one that acknowledged last, once for each acknowledgement.
    pub(super) fn probe_partition(&mut self, now_ms: i64) -> Option<u32> {
        let sendable = self.queues.iter().filter(|(_, queue)| self.queue_has_next(queue, now_ms));
        let acknowledged =
            sendable.filter_map(|(partition, queue)| Some((queue.pace.acknowledged_ms?, *partition)));
        let partition = acknowledged.max().map(|(_, partition)| partition);
        let partition = partition.or_else(|| self.next_partition(now_ms))?;
        self.queues.get_mut(&partition)?.pace.acknowledged_ms = None;
        Some(partition)
    }
}
