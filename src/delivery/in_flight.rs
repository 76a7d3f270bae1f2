//! One event in flight: the state of its records, and the task that waits for them.

use super::lane::{DrainEvent, Lane};
use super::{RecordFailure, record_codec};
use crate::record::Record;
use crate::spool::{AppendError, RowId, SpoolEntry};
use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

/// Callback for an event that became durable, from any thread. Holds the event's memory permit. Dropped with
/// the last delivery report, perhaps long after the answer.
pub trait OnDurable: Send {
    /// Handles durability of all records. Called at most once.
    fn durable(&mut self);

    /// Returns whether an earlier delivery wrote the dead letter of a record to that topic, with this reason.
    fn has_dead_letter(&self, _topic: &str, _reason: &str) -> bool {
        false
    }

    /// Handles that such a dead letter is durable. The event itself is not.
    fn dead_lettered(&mut self, _topic: &str, _reason: &str) {}
}

pub(super) struct InFlightEvent {
    lanes: EventLanes,
    event: Mutex<EventState>,
}

pub(super) type EventLanes = SmallVec<[Arc<Lane>; 1]>;

struct EventState {
    states: SmallVec<[RecordState; 2]>,
    /// Number of records whose report is missing.
    out: usize,
    /// Waker of the one task in [`InFlightEvent::reported`].
    waiting: Option<Waker>,
    /// Dropped when the event is durable or abandoned.
    settle: Box<dyn OnDurable>,
    durable: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum RecordState {
    Kept,
    Out,
    /// As [`RecordState::Out`], and a row of the spool waits for the report.
    Row(RowId),
    Acknowledged,
    Failed(RecordFailure),
    DeadLettered,
}

pub(super) struct Spooled {
    slot: usize,
    handed_over: bool,
}

impl InFlightEvent {
    pub(super) fn new(lanes: EventLanes, settle: Box<dyn OnDurable>) -> Arc<Self> {
        let states = SmallVec::from_elem(RecordState::Kept, lanes.len());
        let event = EventState { states, out: 0, waiting: None, settle, durable: false };
        Arc::new(Self { lanes, event: Mutex::new(event) })
    }

    pub(super) fn lanes(&self) -> &[Arc<Lane>] {
        &self.lanes
    }

    pub(super) fn report(self: &Arc<Self>, slot: usize) -> Report {
        let mut event = self.event();
        event.states[slot] = RecordState::Out;
        self.lanes[slot].count_sent();
        event.out += 1;
        Report(Some(Owner::Event(Arc::clone(self), slot)))
    }

    /// Waits for all missing reports. For one task.
    pub(super) async fn reported(&self) {
        poll_fn(|context| {
            let mut event = self.event();
            if event.out == 0 {
                return Poll::Ready(());
            }
            match &mut event.waiting {
                Some(waiting) => waiting.clone_from(context.waker()),
                none => *none = Some(context.waker().clone()),
            }
            Poll::Pending
        })
        .await;
    }

    /// Returns `Ok` if every record is acknowledged or a dead letter, otherwise the first failure, if any.
    pub(super) fn outcome(&self) -> Result<(), Option<RecordFailure>> {
        let event = self.event();
        let is_kept =
            |state: &RecordState| matches!(state, RecordState::Acknowledged | RecordState::DeadLettered);
        if event.states.iter().all(is_kept) {
            return Ok(());
        }
        Err(event.states.iter().find_map(|state| match state {
            RecordState::Failed(failure) => Some(*failure),
            _ => None,
        }))
    }

    pub(super) fn failures(&self) -> SmallVec<[(usize, RecordFailure); 1]> {
        let event = self.event();
        let failed = |(slot, state): (usize, &RecordState)| match state {
            RecordState::Failed(failure) => Some((slot, *failure)),
            _ => None,
        };
        event.states.iter().enumerate().filter_map(failed).collect()
    }

    pub(super) fn has_dead_letter(&self, slot: usize, reason: &str) -> bool {
        self.event().settle.has_dead_letter(self.lanes[slot].topic(), reason)
    }

    /// Handles that a failed record is durable as a dead letter. The event does not count as durable: the
    /// reason may have passed if it is sent again.
    pub(super) fn dead_lettered(&self, slot: usize, reason: &str) {
        let mut event = self.event();
        event.states[slot] = RecordState::DeadLettered;
        event.settle.dead_lettered(self.lanes[slot].topic(), reason);
    }

    pub(super) fn deadline_passed(&self) {
        let event = self.event();
        for (lane, _) in self.lanes.iter().zip(&event.states).filter(|(_, state)| **state == RecordState::Out)
        {
            lane.failed("not acknowledged within kafka.ack_deadline");
        }
    }

    /// Returns the spool entries of the unacknowledged records, and counts them in the backlogs.
    pub(super) fn entries(&self, records: &[Record]) -> (Vec<SpoolEntry>, SmallVec<[Spooled; 1]>) {
        // Encoded before the lock, because delivery reports wait for it.
        let payloads: Vec<_> = records.iter().map(record_codec::encode).collect();
        let event = self.event();
        let (mut entries, mut spooled) = (Vec::new(), SmallVec::new());
        let each = self.lanes.iter().zip(&event.states).zip(payloads).enumerate();
        for (index, ((lane, state), payload)) in each {
            if *state == RecordState::Acknowledged {
                continue;
            }
            let handed_over = *state == RecordState::Out;
            lane.begin_append();
            entries.push(SpoolEntry {
                lane: Arc::clone(lane.topic()),
                payload,
                handed_over,
                max_lane_bytes: lane.quota().map(|quota| quota.max_bytes()),
            });
            spooled.push(Spooled { slot: index, handed_over });
        }
        (entries, spooled)
    }

    /// Handles the result of appending [`InFlightEvent::entries`].
    pub(super) fn spooled(&self, spooled: &[Spooled], result: Result<&[RowId], AppendError>) {
        let mut event = self.event();
        for (index, each) in spooled.iter().enumerate() {
            let (lane, state) = (&self.lanes[each.slot], &mut event.states[each.slot]);
            let Some(row) = result.ok().and_then(|rows| rows.get(index).copied()) else {
                lane.end_append(None);
                continue;
            };
            match *state {
                RecordState::Out => *state = RecordState::Row(row),
                // The report arrived during the write.
                RecordState::Acknowledged if each.handed_over => {
                    lane.notify_drain(DrainEvent::Reported(row, Ok(())))
                }
                RecordState::Failed(failure) if each.handed_over => {
                    lane.notify_drain(DrainEvent::Reported(row, Err(failure)))
                }
                _ => {}
            }
            lane.end_append(Some(row));
        }
        if result.is_ok() {
            event.durable();
        }
    }

    fn report_in(&self, slot: usize, result: Result<(), RecordFailure>) {
        let mut event = self.event();
        let (lane, state) = (&self.lanes[slot], &mut event.states[slot]);
        lane.on_report(result);
        if let RecordState::Row(row) = *state {
            lane.notify_drain(DrainEvent::Reported(row, result));
        }
        *state = result.map_or_else(RecordState::Failed, |()| RecordState::Acknowledged);
        event.out -= 1;
        if event.is_acknowledged() {
            event.durable();
        }
        let waiting = if event.out == 0 { event.waiting.take() } else { None };
        drop(event);
        // The woken task takes the lock.
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }

    fn event(&self) -> MutexGuard<'_, EventState> {
        self.event.lock()
    }
}

impl EventState {
    fn is_acknowledged(&self) -> bool {
        self.states.iter().all(|state| *state == RecordState::Acknowledged)
    }

    fn durable(&mut self) {
        if !self.durable {
            self.durable = true;
            self.settle.durable();
        }
    }
}

/// Returns the records to send directly, with their indexes.
pub(super) fn handed_over<'a>(
    records: &'a [Record],
    direct: &'a [bool],
) -> impl Iterator<Item = (usize, &'a Record)> {
    records.iter().enumerate().filter(|(index, _)| direct[*index])
}

/// Obligation to report the result of one record. Dropping it reports [`RecordFailure::Abandoned`].
pub struct Report(Option<Owner>);

enum Owner {
    /// Record of an event, by its index.
    Event(Arc<InFlightEvent>, usize),
    Row(Arc<Lane>, RowId),
}

impl Report {
    pub(super) fn of_row(lane: &Arc<Lane>, row: RowId) -> Self {
        lane.count_sent();
        Self(Some(Owner::Row(Arc::clone(lane), row)))
    }

    #[cfg(test)]
    pub(crate) const fn ignored() -> Self {
        Self(None)
    }

    /// Reports the result of the record.
    pub fn settle(mut self, result: Result<(), RecordFailure>) {
        self.finish(result);
    }

    fn finish(&mut self, result: Result<(), RecordFailure>) {
        match self.0.take() {
            Some(Owner::Event(pending, slot)) => pending.report_in(slot, result),
            Some(Owner::Row(lane, row)) => {
                lane.on_report(result);
                lane.notify_drain(DrainEvent::Reported(row, result));
            }
            None => {}
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        self.finish(Err(RecordFailure::Abandoned));
    }
}
