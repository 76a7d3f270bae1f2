//! The part of a lane's backlog that its drain has in hand: what may be sent next. Pure.
//!
//! Rows with the same key go one after another; rows with different keys, or none, side by side.

use super::Failure;
use crate::record::Record;
use crate::spool::RowId;
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};

/// How much is held at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) rows: usize,
    pub(super) bytes: usize,
}

/// What a failed row needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It will be sent again.
    Again,
    /// No retry can help. The caller takes it elsewhere, then says [`Window::done`], or
    /// [`Window::release`] if that did not work.
    Permanent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Behind an earlier row of its key.
    Behind,
    /// In [`Window::ready`] or [`Window::suspects`].
    Ready,
    /// Handed over; its report is out.
    Out { alone: bool },
    /// Refused for good.
    Leaving,
}

struct Held {
    record: Record,
    state: State,
    /// Refused with others; it is sent alone next.
    suspect: bool,
}

/// Rows of one lane.
#[derive(Default)]
pub(super) struct Window {
    rows: HashMap<RowId, Held>,
    /// The rows of each key, in order.
    keys: HashMap<Bytes, VecDeque<RowId>>,
    ready: VecDeque<RowId>,
    suspects: VecDeque<RowId>,
    out: usize,
    bytes: usize,
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
            (true, _) => State::Out { alone: false },
            (false, true) => State::Ready,
            (false, false) => State::Behind,
        };
        self.out += usize::from(out);
        if state == State::Ready {
            self.ready.push_back(id);
        }
        self.rows.insert(id, Held { record, state, suspect: false });
    }

    /// Whether [`Window::next`] has something.
    pub(super) fn has_next(&self) -> bool {
        if self.suspects.is_empty() { !self.ready.is_empty() } else { self.out == 0 }
    }

    /// The next row to hand over; it counts as handed over from now on.
    pub(super) fn next(&mut self) -> Option<(RowId, &Record)> {
        let alone = !self.suspects.is_empty();
        if alone && self.out > 0 {
            return None;
        }
        let id = if alone { self.suspects.pop_front()? } else { self.ready.pop_front()? };
        let held = self.rows.get_mut(&id)?;
        held.state = State::Out { alone };
        self.out += 1;
        Some((id, &held.record))
    }

    /// The record of a row in hand.
    pub(super) fn record(&self, id: RowId) -> Option<&Record> {
        self.rows.get(&id).map(|held| &held.record)
    }

    /// A row is acknowledged, or taken elsewhere. Returns whether it was in hand.
    pub(super) fn done(&mut self, id: RowId) -> bool {
        let Some(held) = self.rows.remove(&id) else { return false };
        self.bytes -= held.record.size();
        self.out -= usize::from(matches!(held.state, State::Out { .. }));
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

    /// A row that was handed over failed. `None`: it was not in hand.
    pub(super) fn failed(&mut self, id: RowId, failure: Failure) -> Option<Verdict> {
        let held = self.rows.get_mut(&id)?;
        let State::Out { alone } = held.state else { return None };
        self.out -= 1;
        let permanent = failure == Failure::TooLarge || (failure == Failure::Unfit && alone);
        if permanent {
            held.state = State::Leaving;
            return Some(Verdict::Permanent);
        }
        held.suspect = failure == Failure::Unfit;
        self.release(id);
        Some(Verdict::Again)
    }

    /// A row that is not handed over may be sent again, as soon as it is the first of its key.
    pub(super) fn release(&mut self, id: RowId) {
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
