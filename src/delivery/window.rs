//! The part of a lane's backlog that its drain has in hand: what may be sent next. Pure.
//!
//! Rows with the same key go one after another; rows with different keys, or none, side by side.

use super::Failure;
use super::share::Limits;
use crate::record::Record;
use crate::spool::RowId;
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};

/// What a failed row needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It will be sent again.
    Again,
    /// No retry can help. The caller takes it elsewhere, then says [`Window::done`], or
    /// [`Window::release`] if that did not work.
    Permanent,
    /// Kafka refused the record alone for its timestamp. It is sent again with the present time.
    Restamped,
    /// Kafka refused the record alone, for a reason that may pass. Only its own key waits, until
    /// [`Window::retry_one`].
    Waits,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Behind an earlier row of its key.
    Behind,
    /// In [`Window::ready`] or [`Window::suspects`].
    Ready,
    /// Handed over; its report is out.
    Out,
    /// Refused for good.
    Leaving,
    /// In [`Window::waiting`]: refused alone, and tried again later.
    Waiting,
}

struct Held {
    record: Record,
    state: State,
    /// Refused with others; it is sent alone next.
    suspect: bool,
    /// It gets the present time each time that it is sent.
    restamped: bool,
    /// It was in [`Window::waiting`].
    has_waited: bool,
    /// [`Window::acknowledged`] when it was refused.
    refused_after: u64,
    /// Time of the last hand-over, in milliseconds since 1970.
    out_ms: i64,
}

/// Age from which a record is sent with the present time, in milliseconds.
///
/// Kafka deletes by a record's timestamp: a record older than the topic's retention would be acknowledged
/// and deleted. `ce_time` keeps the event's time.
pub(crate) const MAX_TIMESTAMP_AGE_MS: i64 = 60 * 60 * 1000;

/// Age from which a row that is out counts as stuck, in milliseconds: its partition takes nothing.
const STUCK_AGE_MS: i64 = 1000;

/// Rows of one lane.
pub(super) struct Window {
    rows: HashMap<RowId, Held>,
    /// The rows of each key, in order.
    keys: HashMap<Bytes, VecDeque<RowId>>,
    ready: VecDeque<RowId>,
    suspects: VecDeque<RowId>,
    /// Rows that Kafka refused alone, the one that waited longest first.
    waiting: VecDeque<RowId>,
    /// The row that is out and must be the only one, but for stuck ones.
    alone: Option<RowId>,
    /// Another row was reported on while `alone` was out: both may have been in one batch.
    has_company: bool,
    /// How many ready rows precede the next suspect, so that suspects do not delay other keys.
    turn: usize,
    /// Rows that were acknowledged so far.
    acknowledged: u64,
    out: usize,
    bytes: usize,
    /// At most [`MAX_TIMESTAMP_AGE_MS`]; less once Kafka has refused a younger timestamp.
    max_age_ms: i64,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            rows: HashMap::new(),
            keys: HashMap::new(),
            ready: VecDeque::new(),
            suspects: VecDeque::new(),
            waiting: VecDeque::new(),
            alone: None,
            has_company: false,
            turn: 0,
            acknowledged: 0,
            out: 0,
            bytes: 0,
            max_age_ms: MAX_TIMESTAMP_AGE_MS,
        }
    }
}

impl Window {
    /// Whether no row is in hand.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Rows that are handed over.
    pub(super) fn out(&self) -> usize {
        self.out
    }

    /// What may be added up to the limits: nothing until a quarter is free, for rows are read by the
    /// page. An empty window takes one row of any size.
    pub(super) fn room(&self, limits: Limits) -> Option<Limits> {
        let rows = limits.rows.saturating_sub(self.rows.len());
        let bytes = limits.bytes.saturating_sub(self.bytes);
        let is_enough = rows * 4 >= limits.rows && bytes * 4 >= limits.bytes;
        is_enough.then_some(Limits { rows, bytes })
    }

    /// Takes a row in hand, later than all before. `out`: it is handed over already.
    pub(super) fn insert(&mut self, id: RowId, record: Record, out: bool) {
        self.bytes += record.size();
        let mut first = true;
        if let Some(key) = &record.key {
            let rows = self.keys.entry(key.clone()).or_default();
            first = rows.is_empty();
            rows.push_back(id);
        }
        let state = match (out, first) {
            (true, _) => State::Out,
            (false, true) => State::Ready,
            (false, false) => State::Behind,
        };
        self.out += usize::from(out);
        if state == State::Ready {
            self.ready.push_back(id);
        }
        let held = Held {
            record,
            state,
            suspect: false,
            restamped: false,
            has_waited: false,
            refused_after: 0,
            out_ms: 0,
        };
        self.rows.insert(id, held);
    }

    /// Returns whether [`Window::next`] has something at that time, in milliseconds since 1970.
    pub(super) fn has_next(&self, now_ms: i64) -> bool {
        match (self.alone, self.is_suspects_turn()) {
            (Some(_), _) => false,
            (None, true) => self.all_stuck_at(now_ms).is_none_or(|at| at <= now_ms),
            (None, false) => !self.ready.is_empty(),
        }
    }

    /// Returns when a suspect may go although rows are out. `None`: none waits for that.
    pub(super) fn suspect_at(&self, now_ms: i64) -> Option<i64> {
        (self.alone.is_none() && self.is_suspects_turn()).then(|| self.all_stuck_at(now_ms))?
    }

    /// Returns when every row that is out will be stuck. `None`: none is out.
    ///
    /// A row of another partition can be stuck for as long as its broker is away, and shares no batch.
    fn all_stuck_at(&self, now_ms: i64) -> Option<i64> {
        if self.out == 0 {
            return None;
        }
        // A row from the future was handed over before the clock was set back.
        let out = self.rows.values().filter(|held| held.state == State::Out && held.out_ms <= now_ms);
        // Without a time it was handed over before it was read.
        let newest = out.map(|held| held.out_ms).max().unwrap_or(0);
        Some(newest.saturating_add(STUCK_AGE_MS))
    }

    fn is_suspects_turn(&self) -> bool {
        !self.suspects.is_empty() && (self.turn == 0 || self.ready.is_empty())
    }

    /// Lets the rows that are ready now precede the suspects.
    pub(super) fn prefer_ready(&mut self) {
        self.turn = self.ready.len();
    }

    /// The row that was handed over alone, while its report is out.
    pub(super) fn alone(&self) -> Option<RowId> {
        self.alone
    }

    /// The row that was handed over alone may have had company in its batch: a refusal says nothing about
    /// it, and other rows may go.
    pub(super) fn end_alone(&mut self) {
        self.alone = None;
    }

    /// The next row to hand over at that time, in milliseconds since 1970; it counts as handed over from
    /// now on. A record that is too old, or was refused for its timestamp, gets that time.
    pub(super) fn next(&mut self, now_ms: i64) -> Option<(RowId, &Record)> {
        if !self.has_next(now_ms) {
            return None;
        }
        let alone = self.is_suspects_turn();
        let id = if alone { self.suspects.pop_front()? } else { self.ready.pop_front()? };
        if !alone {
            self.turn = self.turn.saturating_sub(1);
        }
        let held = self.rows.get_mut(&id)?;
        if held.restamped || now_ms.saturating_sub(held.record.timestamp) >= self.max_age_ms {
            held.record.timestamp = now_ms;
        }
        held.state = State::Out;
        held.out_ms = now_ms;
        if alone {
            (self.alone, self.has_company) = (Some(id), false);
        }
        self.out += 1;
        Some((id, &held.record))
    }

    /// Whether a row waits that Kafka refused alone.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes the row that waited longest out of a full window that holds nothing else to send: the rows
    /// behind it would wait for a row that may never be taken. `None` also while Kafka took no other row
    /// since the refusal, because then the topic may be the cause. The caller proceeds as with
    /// [`Verdict::Permanent`].
    pub(super) fn give_up_stuck(&mut self) -> Option<RowId> {
        let is_idle = self.ready.is_empty() && self.suspects.is_empty() && self.out == 0;
        if !is_idle || self.rows.values().any(|held| held.state == State::Leaving) {
            return None;
        }
        let id = *self.waiting.front()?;
        let held = self.rows.get_mut(&id)?;
        if held.refused_after == self.acknowledged {
            return None;
        }
        held.state = State::Leaving;
        self.waiting.pop_front();
        Some(id)
    }

    /// Whether a row in hand has waited because Kafka refused it alone.
    pub(super) fn is_waited_for(&self, id: RowId) -> bool {
        self.rows.get(&id).is_some_and(|held| held.has_waited)
    }

    /// Has the row that waited longest tried again, alone.
    pub(super) fn retry_one(&mut self) {
        if let Some(id) = self.waiting.pop_front() {
            self.requeue(id);
        }
    }

    /// The record of a row in hand.
    pub(super) fn record(&self, id: RowId) -> Option<&Record> {
        self.rows.get(&id).map(|held| &held.record)
    }

    /// A row is acknowledged, or taken elsewhere. Returns whether it was in hand.
    pub(super) fn done(&mut self, id: RowId) -> bool {
        let Some(held) = self.rows.remove(&id) else { return false };
        self.bytes -= held.record.size();
        let was_out = held.state == State::Out;
        self.acknowledged += u64::from(was_out);
        self.out -= usize::from(was_out);
        if self.alone == Some(id) {
            self.alone = None;
            self.prefer_ready();
        }
        self.has_company |= was_out;
        if held.state == State::Waiting {
            self.waiting.retain(|row| *row != id);
        }
        if was_out && held.has_waited {
            // The reason may have passed for the others as well.
            while self.has_waiting() {
                self.retry_one();
            }
        }
        if held.state == State::Ready {
            // Acknowledged by a report on an earlier try.
            self.ready.retain(|row| *row != id);
            self.suspects.retain(|row| *row != id);
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
        true
    }

    /// A row that was handed over failed, at that time in milliseconds since 1970. `None`: it was not in
    /// hand.
    pub(super) fn failed(&mut self, id: RowId, failure: Failure, now_ms: i64) -> Option<Verdict> {
        let held = self.rows.get_mut(&id)?;
        if held.state != State::Out {
            return None;
        }
        let was_alone = self.alone == Some(id);
        if was_alone {
            self.alone = None;
        }
        // Reports come in the order of the batch, so those of older rows in it came before.
        let alone = was_alone && !self.has_company;
        self.has_company |= !was_alone;
        self.out -= 1;
        if failure == Failure::TooLarge || (failure == Failure::Unfit && alone) {
            held.state = State::Leaving;
            self.prefer_ready();
            return Some(Verdict::Permanent);
        }
        let verdict = match failure {
            Failure::Timestamp if alone && !held.restamped => {
                held.restamped = true;
                let age = now_ms.saturating_sub(held.record.timestamp);
                if age > 0 {
                    // Half of it: else each row behind, being a little younger, would be refused alone.
                    self.max_age_ms = self.max_age_ms.min(age / 2);
                }
                Verdict::Restamped
            }
            Failure::Timestamp | Failure::Refused if alone => Verdict::Waits,
            _ => Verdict::Again,
        };
        held.suspect = failure.may_be_anothers() || (alone && held.has_waited);
        if verdict == Verdict::Waits {
            held.suspect = true;
            held.has_waited = true;
            held.refused_after = self.acknowledged;
            held.state = State::Waiting;
            self.waiting.push_back(id);
        } else {
            self.requeue(id);
        }
        if verdict == Verdict::Restamped {
            // Its neighbours learn from it.
            self.suspects.rotate_right(1);
        }
        if was_alone {
            self.prefer_ready();
        }
        Some(verdict)
    }

    /// A row that was to leave could not be taken elsewhere: it is sent again.
    pub(super) fn release(&mut self, id: RowId) {
        if self.rows.get(&id).is_some_and(|held| held.state == State::Leaving) {
            self.requeue(id);
        }
    }

    /// A row that is not handed over may be sent again, as soon as it is the first of its key.
    fn requeue(&mut self, id: RowId) {
        let Some(held) = self.rows.get_mut(&id) else { return };
        let first = match &held.record.key {
            Some(key) => self.keys.get(key).and_then(VecDeque::front) == Some(&id),
            None => true,
        };
        held.state = if first { State::Ready } else { State::Behind };
        match (first, held.suspect) {
            (true, true) => self.suspects.push_back(id),
            // It is older than what is ready.
            (true, false) => self.ready.push_front(id),
            (false, _) => {}
        }
    }

    fn promote(&mut self, id: RowId) {
        if let Some(held) = self.rows.get_mut(&id)
            && held.state == State::Behind
        {
            held.state = State::Ready;
            if held.suspect { self.suspects.push_back(id) } else { self.ready.push_back(id) }
        }
    }
}

#[cfg(test)]
mod tests;
