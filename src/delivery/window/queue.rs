//! Rows of one partition that a window holds.

use super::slow_start::Pace;
use super::{STUCK_AGE_MS, WindowLimits};
use crate::spool::RowId;
use std::collections::{BTreeSet, VecDeque};

/// [`STUCK_AGE_MS`] of a partition that acknowledged nothing shortly before or since it was stuck.
const UNPROVEN_STUCK_AGE_MS: i64 = 100;

/// Queue of one partition. The window keeps the rows themselves.
#[derive(Default)]
pub(super) struct Queue {
    pub(super) rows: usize,
    pub(super) bytes: usize,
    /// Rows in flight, by the time at which each was sent, in milliseconds since 1970; 0: before it was read.
    sent: BTreeSet<(i64, RowId)>,
    pub(super) pace: Pace,
    /// Time of the broker's last answer, or of the hand-over before which no row was in flight, in
    /// milliseconds since 1970.
    progress_ms: i64,
    /// True if a row failed without an answer of the broker, and none was answered since.
    is_failing: bool,
    /// True if it was found stuck, and no row was answered since.
    pub(super) was_stuck: bool,
    /// Rows to send.
    pub(super) ready: VecDeque<RowId>,
    /// Rows that were refused with others, to send alone.
    pub(super) suspects: VecDeque<RowId>,
    /// Rows that Kafka refused alone, the one that waited longest first.
    pub(super) waiting: VecDeque<RowId>,
    /// Row that is in flight alone, except for stuck ones.
    pub(super) alone: Option<Alone>,
    /// Number of ready rows that precede the next suspect, so that suspects do not delay other keys.
    turn: usize,
    /// First row that was left on disk. No later row was read.
    pub(super) skipped: Option<RowId>,
    /// Rows before [`Queue::skipped`] that were held and are left on disk again.
    pub(super) evicted: BTreeSet<RowId>,
}

/// Row that was sent alone, to learn whether Kafka refuses that record or another one of its batch.
pub(super) struct Alone {
    row: RowId,
    /// Another row of the partition was reported on meanwhile: both may have been in one batch.
    has_company: bool,
    /// Number of events that had bypassed the backlog. `None`: one of them may join the batch.
    direct: Option<u64>,
}

impl Alone {
    /// Returns whether no other record can have been in the batch. Reports arrive in the order of a batch, so
    /// those of older rows came before.
    pub(super) fn had_no_company(&self, direct: u64) -> bool {
        !self.has_company && self.direct == Some(direct)
    }
}

impl Queue {
    /// Creates an empty queue.
    pub(super) fn new(pace: Pace) -> Self {
        Self { pace, ..Self::default() }
    }

    /// Returns whether the partition accepts nothing: it is silent, or Kafka refused rows alone, and no other
    /// row can be sent or was acknowledged lately.
    pub(super) fn is_stuck(&self, now_ms: i64) -> bool {
        let is_refusing = || self.only_waits() || !self.pace.was_proven_at(now_ms);
        self.is_silent(now_ms) || (!self.waiting.is_empty() && is_refusing())
    }

    /// Returns whether all rows wait that Kafka refused alone, or are behind such a row.
    pub(super) fn is_refused(&self) -> bool {
        self.only_waits() && !self.waiting.is_empty()
    }

    /// Returns whether rows are in flight and no answer arrives.
    pub(super) fn is_silent(&self, now_ms: i64) -> bool {
        // A time from the future is from before the clock was set back.
        let is_recent = || (0..self.stuck_age_ms()).contains(&now_ms.saturating_sub(self.progress_ms));
        if self.was_stuck { !self.only_waits() } else { self.out() > 0 && !is_recent() }
    }

    /// Returns when it will be silent if no answer arrives. `None`: it is, or no row is in flight.
    pub(super) fn silent_at(&self, now_ms: i64) -> Option<i64> {
        (self.out() > 0 && !self.is_silent(now_ms)).then(|| self.progress_ms + self.stuck_age_ms())
    }

    fn stuck_age_ms(&self) -> i64 {
        if self.pace.was_proven_at(self.progress_ms) { STUCK_AGE_MS } else { UNPROVEN_STUCK_AGE_MS }
    }

    /// Returns the first row that was left on disk.
    pub(super) fn first_left(&self) -> Option<RowId> {
        self.evicted.first().copied().or(self.skipped)
    }

    /// Returns whether it holds no more than half of what it may, so that a page is worth reading.
    pub(super) fn has_room(&self, free: WindowLimits) -> bool {
        self.rows <= free.rows && self.bytes <= free.bytes
    }

    /// Returns whether nothing is in flight or could be sent.
    pub(super) fn only_waits(&self) -> bool {
        self.out() == 0 && self.ready.is_empty() && self.suspects.is_empty()
    }

    pub(super) fn is_suspects_turn(&self) -> bool {
        !self.suspects.is_empty() && (self.turn == 0 || self.ready.is_empty())
    }

    /// Lets the rows that are ready now precede the suspects.
    pub(super) fn prefer_ready(&mut self) {
        self.turn = self.ready.len();
    }

    #[cfg(test)]
    pub(super) fn is_alone(&self, id: RowId) -> bool {
        self.alone.as_ref().is_some_and(|alone| alone.row == id)
    }

    /// Removes the row to send next. A suspect is alone from now on.
    pub(super) fn pop(&mut self, direct: Option<u64>) -> Option<RowId> {
        if self.is_suspects_turn() {
            let row = self.suspects.pop_front()?;
            self.alone = Some(Alone { row, has_company: false, direct });
            return Some(row);
        }
        self.turn = self.turn.saturating_sub(1);
        self.ready.pop_front()
    }

    /// Returns the number of rows in flight.
    pub(super) fn out(&self) -> usize {
        self.sent.len()
    }

    /// Returns when every row in flight will be stuck. `None`: none is in flight.
    ///
    /// A row may be in flight for as long as its broker is away, and what is sent later may share its batch
    /// only if the broker returns.
    pub(super) fn all_stuck_at(&self, now_ms: i64) -> Option<i64> {
        self.sent.first()?;
        // A row from the future was handed over before the clock was set back.
        let newest = self.sent.range(..(now_ms.saturating_add(1), RowId(0))).next_back();
        Some(newest.map_or(0, |(sent_ms, _)| *sent_ms).saturating_add(STUCK_AGE_MS))
    }

    /// Counts a row as in flight that was sent at `sent_ms`, in milliseconds since 1970.
    pub(super) fn begin_flight(&mut self, id: RowId, sent_ms: i64, now_ms: i64) {
        if self.out() == 0 && !self.is_failing {
            self.progress_ms = now_ms;
        }
        self.sent.insert((sent_ms, id));
    }

    /// Counts a row as no longer in flight. Returns whether, and how, that row was alone.
    pub(super) fn end_flight(&mut self, id: RowId, sent_ms: i64) -> Option<Alone> {
        self.sent.remove(&(sent_ms, id));
        let alone = self.alone.take_if(|alone| alone.row == id);
        match &mut self.alone {
            Some(alone) => alone.has_company = true,
            None if alone.is_some() => self.prefer_ready(),
            None => {}
        }
        alone
    }

    /// Takes in that the broker acknowledged a row.
    pub(super) fn acknowledged(&mut self, now_ms: i64) {
        self.pace.acknowledge(now_ms);
        self.answered(now_ms);
    }

    /// Takes in that a row failed. `is_answer`: the broker refused it.
    pub(super) fn failed(&mut self, is_answer: bool, now_ms: i64) {
        if is_answer { self.answered(now_ms) } else { self.is_failing = true }
    }

    fn answered(&mut self, now_ms: i64) {
        self.progress_ms = now_ms;
        self.is_failing = false;
        self.was_stuck = false;
    }

    /// Removes ready rows.
    pub(super) fn retain_ready(&mut self, is_kept: impl Fn(&RowId) -> bool) {
        self.ready.retain(is_kept);
        self.turn = self.turn.min(self.ready.len());
    }

    /// Removes a row that is not in flight.
    pub(super) fn remove(&mut self, id: RowId) {
        for rows in [&mut self.ready, &mut self.suspects, &mut self.waiting] {
            rows.retain(|row| *row != id);
        }
    }
}
