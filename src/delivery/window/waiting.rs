//! Rows that Kafka refused alone, with an error that may pass.

use super::queue::Queue;
use super::{RecordFailure, RowState, Window, WindowLimits};
use crate::spool::RowId;

/// Refusal of a row sent alone.
#[derive(Clone, Copy)]
pub(super) struct AloneRefusal {
    pub(super) failure: RecordFailure,
    /// Rows of the partition acknowledged before.
    pub(super) acknowledged: u64,
}

impl Window {
    pub(in crate::delivery) fn has_waiting(&self) -> bool {
        self.queues.values().any(|queue| !queue.waiting.is_empty())
    }

    /// Removes a row that Kafka refused alone from a partition where such rows leave no room for others.
    /// Returns it with its refusal. The caller proceeds as with
    /// [`FailedRow::Permanent`](super::FailedRow::Permanent).
    /// `has_more`: rows on disk were not read yet.
    ///
    /// `None` if the partition accepted no row since the refusal, or refused one for its timestamp: the
    /// broker may be the reason, which may pass.
    pub(in crate::delivery) fn abandon_refused(
        &mut self,
        limits: WindowLimits,
        has_more: bool,
    ) -> Option<(RowId, RecordFailure)> {
        let free = self.free_beside_refused(limits);
        let is_full = free.rows == 0 || free.bytes == 0;
        let has_leaving = |partition: u32| {
            let mut rows = self.rows.values().filter(move |held| held.partition == partition);
            rows.any(|held| held.state == RowState::Leaving)
        };
        let is_blocked = |queue: &Queue| {
            let is_left = queue.first_left().is_some();
            queue.is_refused() && if is_left { !queue.has_room(free) } else { has_more && is_full }
        };
        let refusal = |id: &RowId| self.rows.get(id).and_then(|held| held.refusal);
        let (partition, id, failure) = self.queues.iter().find_map(|(partition, queue)| {
            let first = queue.waiting.front().filter(|_| is_blocked(queue) && !has_leaving(*partition))?;
            let mut refusals = queue.waiting.iter().filter_map(refusal);
            let is_proven = refusal(first)?.acknowledged < queue.pace.acknowledged
                && !refusals.any(|refusal| refusal.failure == RecordFailure::Timestamp);
            is_proven.then_some((*partition, *first, refusal(first)?.failure))
        })?;
        self.queues.get_mut(&partition)?.waiting.pop_front();
        self.rows.get_mut(&id)?.state = RowState::Leaving;
        Some((id, failure))
    }

    /// Returns whether Kafka refused a row alone, with an error that may pass.
    pub(in crate::delivery) fn is_waited_for(&self, id: RowId) -> bool {
        self.rows.get(&id).is_some_and(|held| held.refusal.is_some())
    }

    /// Queues the longest waiting row of each partition to be sent alone.
    pub(in crate::delivery) fn retry_waiting(&mut self) {
        let rows: Vec<_> = self.queues.values_mut().filter_map(|queue| queue.waiting.pop_front()).collect();
        rows.into_iter().for_each(|id| self.requeue(id));
    }
}
