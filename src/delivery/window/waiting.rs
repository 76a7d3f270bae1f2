//! Rows that Kafka refused alone, for a reason that may pass.

use super::{RowState, Window};
use crate::spool::RowId;

impl Window {
    /// Returns whether a row waits that Kafka refused alone.
    pub(in crate::delivery) fn has_waiting(&self) -> bool {
        self.queues.values().any(|queue| !queue.waiting.is_empty())
    }

    /// Removes the row that waited longest from a partition that can take no more rows and has nothing else
    /// to send: the rows behind it would wait for a row that may never be accepted. `None` also while Kafka
    /// accepted no other row since the refusal, because then the topic may be the cause. The caller proceeds
    /// as with [`FailedRow::Permanent`]. `is_full`: the window as a whole takes no more rows.
    pub(in crate::delivery) fn abandon_stuck(&mut self, is_full: bool) -> Option<RowId> {
        let is_leaving = |partition: u32| {
            let mut rows = self.rows.values().filter(move |held| held.partition == partition);
            rows.any(|held| held.state == RowState::Leaving)
        };
        let mut queues = self.queues.iter_mut();
        let (id, queue) = queues.find_map(|(partition, queue)| {
            let is_blocked = (is_full || queue.first_left().is_some()) && queue.only_waits();
            let id = *queue.waiting.front().filter(|_| is_blocked && !is_leaving(*partition))?;
            let is_elsewhere = self.rows.get(&id)?.refused_after == self.acknowledged;
            (!is_elsewhere).then_some((id, queue))
        })?;
        queue.waiting.pop_front();
        self.rows.get_mut(&id)?.state = RowState::Leaving;
        Some(id)
    }

    /// Returns whether a row has waited because Kafka refused it alone.
    pub(in crate::delivery) fn is_waited_for(&self, id: RowId) -> bool {
        self.rows.get(&id).is_some_and(|held| held.has_waited)
    }

    /// Queues the row of each partition that waited longest for another try, alone.
    pub(in crate::delivery) fn retry_waiting(&mut self) {
        let rows: Vec<_> = self.queues.values_mut().filter_map(|queue| queue.waiting.pop_front()).collect();
        rows.into_iter().for_each(|id| self.requeue(id));
    }
}
