//! Window of a drain: backlog rows in memory, and the choice of the next one to send. Pure.
//!
//! Rows with the same key are sent one after another, all others concurrently. Each partition has its own
//! queue, so a stuck one delays no other.

mod capacity;
mod gaps;
mod partitions;
mod queue;
mod slow_start;
mod turns;
mod waiting;

use super::RecordFailure;
use super::drain_limits::WindowLimits;
use crate::record::Record;
use crate::spool::RowId;
use bytes::Bytes;
use queue::Queue;
use slow_start::Pace;
use std::collections::{BTreeMap, HashMap, VecDeque};
use waiting::AloneRefusal;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FailedRow {
    Again,
    /// No retry can help. The caller moves the row elsewhere, then calls [`Window::done`], or
    /// [`Window::release`] if the move failed.
    Permanent,
    /// Refused alone for its timestamp, and sent again with the present time.
    Restamped,
    /// Refused alone with an error that may pass. Its key waits for [`Window::retry_waiting`].
    Waits,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowState {
    /// Behind an earlier row of its key.
    Behind,
    Ready,
    InFlight,
    /// Permanently refused.
    Leaving,
    /// In [`Queue::waiting`].
    Waiting,
}

struct WindowRow {
    record: Record,
    /// Key into [`Window::queues`].
    partition: u32,
    state: RowState,
    /// Refused with others, so that it is sent alone next.
    suspect: bool,
    /// Gets the present time at each send.
    restamped: bool,
    /// Last refusal alone with an error that may pass.
    refusal: Option<AloneRefusal>,
    /// It was in flight, so its state is not on disk.
    was_sent: bool,
    /// Time of the last send, in milliseconds since 1970; 0: before it was read.
    sent_ms: i64,
}

/// Age from which a record is sent with the present time, in milliseconds. Kafka deletes by timestamp, and
/// would delete a record older than the topic's retention. `ce_time` keeps the event's time.
pub(crate) const MAX_TIMESTAMP_AGE_MS: i64 = 60 * 60 * 1000;

/// Time without a report after which a row in flight, or its partition, is stuck, in milliseconds.
pub(super) const STUCK_AGE_MS: i64 = 1000;

#[derive(Default)]
pub(super) struct Window {
    /// 0: unknown.
    partitions: u32,
    rows: HashMap<RowId, WindowRow>,
    /// Rows of each key, in order.
    keys: HashMap<Bytes, VecDeque<RowId>>,
    /// Without partitions that hold nothing and left nothing on disk.
    queues: BTreeMap<u32, Queue>,
    /// Paces of the partitions without a queue.
    paces: HashMap<u32, Pace>,
    /// Rows and bytes of stuck and of silent partitions, at the last [`Window::find_stuck`].
    stuck: (usize, usize),
    silent: (usize, usize),
    /// Partition without room for the next row on disk.
    blocked: Option<u32>,
    /// Partition of the last row sent, for the round robin.
    last_partition: u32,
    out: usize,
    bytes: usize,
    /// Age at which the topic refused a timestamp, if less than [`MAX_TIMESTAMP_AGE_MS`].
    refused_age_ms: Option<i64>,
}

impl Window {
    /// Returns whether it neither holds nor left rows on disk.
    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    pub(super) fn out(&self) -> usize {
        self.out
    }

    /// Adds a row, later than all rows of its key.
    pub(super) fn insert(&mut self, id: RowId, record: Record, in_flight: bool, now_ms: i64) {
        let partition = self.partition_of(id, &record);
        let size = record.size();
        let queue = queue_of(&mut self.queues, &mut self.paces, partition);
        self.bytes += size;
        queue.bytes += size;
        queue.rows += 1;
        let mut is_first = true;
        if let Some(key) = &record.key {
            let rows = self.keys.entry(key.clone()).or_default();
            is_first = rows.is_empty();
            rows.push_back(id);
        }
        let state = match (in_flight, is_first) {
            (true, _) => RowState::InFlight,
            (false, true) => RowState::Ready,
            (false, false) => RowState::Behind,
        };
        if in_flight {
            self.out += 1;
            queue.begin_flight(id, 0, now_ms);
        }
        if state == RowState::Ready {
            queue.ready.push_back(id);
        }
        let held = WindowRow {
            record,
            partition,
            state,
            suspect: false,
            restamped: false,
            refusal: None,
            was_sent: in_flight,
            sent_ms: 0,
        };
        self.rows.insert(id, held);
    }

    pub(super) fn has_next(&self, now_ms: i64) -> bool {
        self.queues.values().any(|queue| self.queue_has_next(queue, now_ms))
    }

    /// Returns when a suspect may be sent although rows are in flight. `None`: none waits for that.
    pub(super) fn suspect_at(&self, now_ms: i64) -> Option<i64> {
        let waits = |queue: &&Queue| queue.alone.is_none() && queue.is_suspects_turn();
        let queues = self.queues.values().filter(waits);
        queues.filter_map(|queue| queue.all_stuck_at(now_ms)).min()
    }

    #[cfg(test)]
    pub(super) fn is_alone(&self, id: RowId) -> bool {
        self.queues.values().any(|queue| queue.is_alone(id))
    }

    /// Stops waiting for reports on rows sent alone and puts ready rows before suspects, because a missing
    /// report must not delay other keys.
    pub(super) fn end_alone(&mut self) {
        for queue in self.queues.values_mut() {
            queue.alone = None;
            queue.prefer_ready();
        }
    }

    /// Returns the next row to send, with its partition; `None` if the number of partitions is unknown. The
    /// row is in flight from now on. A record that is too old, or was refused for its timestamp, gets the
    /// present time.
    ///
    /// The caller sends to that partition: librdkafka's partitioner could choose another one after the topic
    /// grew, and a row sent alone would share its batch.
    ///
    /// `direct`: number of events that bypassed the backlog so far, if none can join the batch.
    /// `is_probe`: prefer the partition that acknowledged last, because the circuit is open.
    pub(super) fn next(
        &mut self,
        now_ms: i64,
        direct: Option<u64>,
        is_probe: bool,
    ) -> Option<(RowId, Option<u32>, &Record)> {
        let partition = if is_probe { self.probe_partition(now_ms) } else { self.next_partition(now_ms) }?;
        self.last_partition = partition;
        let queue = self.queues.get_mut(&partition)?;
        let id = queue.pop(direct)?;
        let held = self.rows.get_mut(&id)?;
        queue.begin_flight(id, now_ms, now_ms);
        held.was_sent = true;
        let max_age_ms = self.refused_age_ms.unwrap_or(MAX_TIMESTAMP_AGE_MS);
        if held.restamped || now_ms.saturating_sub(held.record.timestamp) >= max_age_ms {
            held.record.timestamp = now_ms;
        }
        held.state = RowState::InFlight;
        held.sent_ms = now_ms;
        self.out += 1;
        Some((id, (self.partitions > 0).then_some(partition), &held.record))
    }

    pub(super) fn record(&self, id: RowId) -> Option<&Record> {
        self.rows.get(&id).map(|held| &held.record)
    }

    /// Removes a row that is acknowledged or was moved elsewhere. Returns whether it was held.
    pub(super) fn done(&mut self, id: RowId, now_ms: i64) -> bool {
        let Some(held) = self.rows.remove(&id) else { return false };
        let size = held.record.size();
        self.bytes -= size;
        let was_out = held.state == RowState::InFlight;
        if was_out {
            self.out -= 1;
        }
        if let Some(queue) = self.queues.get_mut(&held.partition) {
            queue.rows -= 1;
            queue.bytes -= size;
            if was_out {
                queue.end_flight(id, held.sent_ms);
                queue.acknowledged(now_ms);
            } else {
                // Acknowledged by a report on an earlier send, or moved elsewhere.
                queue.remove(id);
            }
        }
        if was_out && held.refusal.is_some() {
            // The reason may have passed for the others.
            while self.has_waiting() {
                self.retry_waiting();
            }
        }
        if let Some(key) = &held.record.key
            && let Some(rows) = self.keys.get_mut(key)
        {
            rows.retain(|row| *row != id);
            match rows.front().copied() {
                None => drop(self.keys.remove(key)),
                Some(next) => self.promote(next),
            }
        }
        self.forget_if_empty(held.partition);
        true
    }

    /// Handles the failure of a row. Returns `None` if it was not in flight. `direct`: number of events
    /// that bypassed the backlog so far.
    pub(super) fn failed(
        &mut self,
        id: RowId,
        failure: RecordFailure,
        now_ms: i64,
        direct: u64,
    ) -> Option<FailedRow> {
        let held = self.rows.get_mut(&id)?;
        if held.state != RowState::InFlight {
            return None;
        }
        self.out -= 1;
        let queue = self.queues.get_mut(&held.partition)?;
        let was_alone = queue.end_flight(id, held.sent_ms);
        if failure != RecordFailure::TooLarge {
            queue.failed(failure.may_be_anothers(), now_ms);
        }
        let is_guilty = was_alone.as_ref().is_some_and(|alone| alone.had_no_company(direct));
        if failure == RecordFailure::TooLarge || (failure == RecordFailure::Unfit && is_guilty) {
            held.state = RowState::Leaving;
            queue.prefer_ready();
            return Some(FailedRow::Permanent);
        }
        let verdict = match failure {
            RecordFailure::Timestamp if is_guilty && !held.restamped => {
                held.restamped = true;
                let age = now_ms.saturating_sub(held.record.timestamp);
                if age > 0 {
                    // Half, because otherwise each slightly younger row behind is refused alone.
                    let before = self.refused_age_ms.unwrap_or(MAX_TIMESTAMP_AGE_MS);
                    self.refused_age_ms = Some(before.min(age / 2));
                }
                FailedRow::Restamped
            }
            RecordFailure::Timestamp | RecordFailure::Refused(_) if is_guilty => FailedRow::Waits,
            _ => FailedRow::Again,
        };
        held.suspect = failure.may_be_anothers() || (is_guilty && held.refusal.is_some());
        if verdict == FailedRow::Waits {
            held.suspect = true;
            held.refusal = Some(AloneRefusal { failure, acknowledged: queue.pace.acknowledged });
            held.state = RowState::Waiting;
            queue.waiting.push_back(id);
        } else {
            let partition = held.partition;
            self.requeue(id);
            if verdict == FailedRow::Restamped
                && let Some(queue) = self.queues.get_mut(&partition)
            {
                queue.suspects.rotate_right(1);
            }
        }
        Some(verdict)
    }

    /// Queues a row again that could not be moved elsewhere.
    pub(super) fn release(&mut self, id: RowId) {
        if self.rows.get(&id).is_some_and(|held| held.state == RowState::Leaving) {
            self.requeue(id);
        }
    }

    /// Queues a row that is not in flight, if it is the first of its key.
    fn requeue(&mut self, id: RowId) {
        let Some(held) = self.rows.get_mut(&id) else { return };
        let is_first = match &held.record.key {
            Some(key) => self.keys.get(key).and_then(VecDeque::front) == Some(&id),
            None => true,
        };
        held.state = if is_first { RowState::Ready } else { RowState::Behind };
        let Some(queue) = self.queues.get_mut(&held.partition) else { return };
        match (is_first, held.suspect) {
            (true, true) => queue.suspects.push_back(id),
            // Older than the ready rows.
            (true, false) => queue.ready.push_front(id),
            (false, _) => {}
        }
    }

    fn promote(&mut self, id: RowId) {
        if let Some(held) = self.rows.get_mut(&id)
            && held.state == RowState::Behind
            && let Some(queue) = self.queues.get_mut(&held.partition)
        {
            held.state = RowState::Ready;
            if held.suspect { queue.suspects.push_back(id) } else { queue.ready.push_back(id) }
        }
    }
}

fn queue_of<'a>(
    queues: &'a mut BTreeMap<u32, Queue>,
    paces: &mut HashMap<u32, Pace>,
    partition: u32,
) -> &'a mut Queue {
    let new = || Queue::new(paces.remove(&partition).unwrap_or_default());
    queues.entry(partition).or_insert_with(new)
}

#[cfg(test)]
mod tests;
