//! One event on its way: where each of its records is, and who waits for them.

use super::lane::{DrainEvent, Lane};
use super::{Failure, record_codec};
use crate::record::Record;
use crate::spool::{Entry, Refused, RowId};
use smallvec::SmallVec;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// DrainEvent how an event ended, from any thread. Holds what the event was admitted under: it is dropped
/// with the last delivery report, which may come long after the answer.
pub trait OnDurable: Send {
    /// Every record of the event is durable. Called once at most.
    fn durable(&mut self);
}

/// An event whose records are not all at rest.
pub(super) struct InFlightEvent {
    /// Of each record.
    lanes: Lanes,
    progress: Mutex<Progress>,
}

/// The lanes of one event's records.
pub(super) type Lanes = SmallVec<[Arc<Lane>; 1]>;

struct Progress {
    /// Of each record.
    states: SmallVec<[State; 2]>,
    /// Records that are handed over and not reported.
    out: usize,
    /// Wakes the one task that waits in [`InFlightEvent::reported`].
    waiting: Option<Waker>,
    /// Taken when the event is durable or given up.
    settle: Box<dyn OnDurable>,
    durable: bool,
}

/// Where one record is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not handed over.
    Kept,
    /// Handed over; its report is out.
    Out,
    /// The same, and a row of the spool waits for the report.
    Row(RowId),
    Acknowledged,
    Failed(Failure),
}

/// A record that was put among the entries for the spool.
pub(super) struct Spooled {
    slot: usize,
    handed_over: bool,
}

impl InFlightEvent {
    pub(super) fn new(lanes: Lanes, settle: Box<dyn OnDurable>) -> Arc<Self> {
        let states = SmallVec::from_elem(State::Kept, lanes.len());
        let progress = Progress { states, out: 0, waiting: None, settle, durable: false };
        Arc::new(Self { lanes, progress: Mutex::new(progress) })
    }

    /// The lanes of the event's records, in their order.
    pub(super) fn lanes(&self) -> &[Arc<Lane>] {
        &self.lanes
    }

    /// The duty to report on a record that is handed over now.
    pub(super) fn report(self: &Arc<Self>, slot: usize) -> Report {
        let mut progress = self.progress();
        progress.states[slot] = State::Out;
        self.lanes[slot].count_sent();
        progress.out += 1;
        Report(Some(Owner::Event(Arc::clone(self), slot)))
    }

    /// Waits for the reports that are out. For one task.
    pub(super) async fn reported(&self) {
        poll_fn(|context| {
            let mut progress = self.progress();
            if progress.out == 0 {
                return Poll::Ready(());
            }
            match &mut progress.waiting {
                Some(waiting) => waiting.clone_from(context.waker()),
                none => *none = Some(context.waker().clone()),
            }
            Poll::Pending
        })
        .await;
    }

    /// Whether every record is acknowledged, else the first failure if there was one.
    pub(super) fn outcome(&self) -> Result<(), Option<Failure>> {
        let progress = self.progress();
        if progress.is_acknowledged() {
            return Ok(());
        }
        Err(progress.states.iter().find_map(|state| match state {
            State::Failed(failure) => Some(*failure),
            _ => None,
        }))
    }

    /// The records that failed, by their places.
    pub(super) fn failures(&self) -> SmallVec<[(usize, Failure); 1]> {
        let progress = self.progress();
        let failed = |(slot, state): (usize, &State)| match state {
            State::Failed(failure) => Some((slot, *failure)),
            _ => None,
        };
        progress.states.iter().enumerate().filter_map(failed).collect()
    }

    /// A record that failed is durable as a dead letter.
    pub(super) fn taken_elsewhere(&self, slot: usize) {
        let mut progress = self.progress();
        progress.states[slot] = State::Acknowledged;
        if progress.is_acknowledged() {
            progress.durable();
        }
    }

    /// Tells the lanes of records that are still out that a deadline passed.
    pub(super) fn deadline_passed(&self) {
        let progress = self.progress();
        for (lane, _) in self.lanes.iter().zip(&progress.states).filter(|(_, state)| **state == State::Out) {
            lane.failed("not acknowledged within kafka.ack_deadline");
        }
    }

    /// What is not acknowledged, for the spool. Each lane's backlog has its record from now on.
    pub(super) fn entries(&self, records: &[Record]) -> (Vec<Entry>, SmallVec<[Spooled; 1]>) {
        // Before the lock, for whoever reports waits for it.
        let payloads: Vec<_> = records.iter().map(record_codec::encode).collect();
        let progress = self.progress();
        let (mut entries, mut spooled) = (Vec::new(), SmallVec::new());
        let each = self.lanes.iter().zip(&progress.states).zip(payloads).enumerate();
        for (index, ((lane, state), payload)) in each {
            if *state == State::Acknowledged {
                continue;
            }
            let handed_over = *state == State::Out;
            lane.begin_append();
            entries.push(Entry {
                lane: Arc::clone(lane.topic()),
                payload,
                handed_over,
                max_lane_bytes: lane.quota().map(|quota| quota.max_bytes()),
            });
            spooled.push(Spooled { slot: index, handed_over });
        }
        (entries, spooled)
    }

    /// How the append of [`InFlightEvent::entries`] ended.
    pub(super) fn spooled(&self, spooled: &[Spooled], result: Result<&[RowId], Refused>) {
        let mut progress = self.progress();
        for (index, each) in spooled.iter().enumerate() {
            let (lane, state) = (&self.lanes[each.slot], &mut progress.states[each.slot]);
            let Some(row) = result.ok().and_then(|rows| rows.get(index).copied()) else {
                lane.end_append(None);
                continue;
            };
            match *state {
                State::Out => *state = State::Row(row),
                // The report came while the row was written.
                State::Acknowledged if each.handed_over => {
                    lane.notify_drain(DrainEvent::Reported(row, Ok(())))
                }
                State::Failed(failure) if each.handed_over => {
                    lane.notify_drain(DrainEvent::Reported(row, Err(failure)))
                }
                _ => {}
            }
            lane.end_append(Some(row));
        }
        if result.is_ok() {
            progress.durable();
        }
    }

    fn report_in(&self, slot: usize, result: Result<(), Failure>) {
        let mut progress = self.progress();
        let (lane, state) = (&self.lanes[slot], &mut progress.states[slot]);
        lane.on_report(result);
        if let State::Row(row) = *state {
            lane.notify_drain(DrainEvent::Reported(row, result));
        }
        *state = result.map_or_else(State::Failed, |()| State::Acknowledged);
        progress.out -= 1;
        if progress.is_acknowledged() {
            progress.durable();
        }
        let waiting = if progress.out == 0 { progress.waiting.take() } else { None };
        drop(progress);
        // Not under the lock, for what is woken takes it.
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    fn is_acknowledged(&self) -> bool {
        self.states.iter().all(|state| *state == State::Acknowledged)
    }

    fn durable(&mut self) {
        if !self.durable {
            self.durable = true;
            self.settle.durable();
        }
    }
}

/// Those that go direct, with their places.
pub(super) fn handed_over<'a>(
    records: &'a [Record],
    direct: &'a [bool],
) -> impl Iterator<Item = (usize, &'a Record)> {
    records.iter().enumerate().filter(|(index, _)| direct[*index])
}

/// The duty to say how one record ended. Dropping it says [`Failure::Abandoned`].
pub struct Report(Option<Owner>);

enum Owner {
    /// A record of an event, by its index.
    Event(Arc<InFlightEvent>, usize),
    /// A row that the drain handed over.
    Row(Arc<Lane>, RowId),
}

impl Report {
    pub(super) fn of_row(lane: &Arc<Lane>, row: RowId) -> Self {
        lane.count_sent();
        Self(Some(Owner::Row(Arc::clone(lane), row)))
    }

    /// A report for no record.
    #[cfg(test)]
    pub(crate) const fn ignored() -> Self {
        Self(None)
    }

    /// Says how the record ended.
    pub fn settle(mut self, result: Result<(), Failure>) {
        self.finish(result);
    }

    fn finish(&mut self, result: Result<(), Failure>) {
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
        self.finish(Err(Failure::Abandoned));
    }
}
