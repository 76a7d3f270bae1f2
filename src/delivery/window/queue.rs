//! Rows of one partition that a window holds.

use super::slow_start::Pace;
use super::{STUCK_AGE_MS, WindowLimits};
use crate::spool::RowId;
use std::collections::{BTreeSet, VecDeque};

/// [`STUCK_AGE_MS`] of a partition without a recent acknowledgement.
const UNPROVEN_STUCK_AGE_MS: i64 = 100;

/// Queue of one partition.
#[derive(Default)]
pub(super) struct Queue {
    pub(super) rows: usize,
    pub(super) bytes: usize,
    /// Rows in flight by send time, in milliseconds since 1970; 0: before they were read.
    sent: BTreeSet<(i64, RowId)>,
    pub(super) pace: Pace,
    /// Time of the broker's last answer, or of the send that ended an idle time, in milliseconds since 1970.
    progress_ms: i64,
    /// A row failed without an answer of the broker, and none was answered since.
    is_failing: bool,
    /// It was found stuck, and no row was answered since.
    pub(super) was_stuck: bool,
    pub(super) ready: VecDeque<RowId>,
    /// Rows that were refused with others, to send alone.
    pub(super) suspects: VecDeque<RowId>,
    /// Rows that Kafka refused alone, oldest refusal first.
    pub(super) waiting: VecDeque<RowId>,
    /// Row in flight alone, apart from stuck ones.
    pub(super) alone: Option<Alone>,
    /// Number of ready rows before the next suspect, so that suspects do not delay other keys.
    turn: usize,
    /// First row left on disk. No later row was read.
    pub(super) skipped: Option<RowId>,
    /// Rows before [`Queue::skipped`] that were left on disk after they were held.
    pub(super) evicted: BTreeSet<RowId>,
}

/// Row sent alone, to learn whether Kafka refuses this record or another one of its batch.
pub(super) struct Alone {
    row: RowId,
    /// Another row of the partition was reported on meanwhile, so both may have been in one batch.
    has_company: bool,
    /// Number of events that had bypassed the backlog. `None`: one of them may join the batch.
    direct: Option<u64>,
}

impl Alone {
    /// Returns whether the batch had no other record. Reports arrive in batch order, so those of older rows
    /// came before.
    pub(super) fn had_no_company(&self, direct: u64) -> bool {
        !self.has_company && self.direct == Some(direct)
    }
}

impl Queue {
    pub(super) fn new(pace: Pace) -> Self {
        Self { pace, ..Self::default() }
    }

    /// Returns whether the partition accepts nothing: it is silent, or Kafka refused rows alone and no other
    /// row can be sent or was acknowledged lately.
    pub(super) fn is_stuck(&self, now_ms: i64) -> bool {
        let is_refusing = || self.only_waits() || !self.pace.was_proven_at(now_ms);
        self.is_silent(now_ms) || (!self.waiting.is_empty() && is_refusing())
    }

    /// Returns whether it holds only rows that Kafka refused alone, and rows behind them.
    pub(super) fn is_refused(&self) -> bool {
        self.only_waits() && !self.waiting.is_empty()
    }

    /// Returns whether rows are in flight without answers.
    pub(super) fn is_silent(&self, now_ms: i64) -> bool {
        // A future time is from before the clock was set back.
        let is_recent = || (0..self.stuck_age_ms()).contains(&now_ms.saturating_sub(self.progress_ms));
        if self.was_stuck { !self.only_waits() } else { self.out() > 0 && !is_recent() }
    }

    /// Returns when it becomes silent without an answer. `None`: it is silent, or no row is in flight.
    pub(super) fn silent_at(&self, now_ms: i64) -> Option<i64> {
        (self.out() > 0 && !self.is_silent(now_ms)).then(|| self.progress_ms + self.stuck_age_ms())
    }

    fn stuck_age_ms(&self) -> i64 {
        if self.pace.was_proven_at(self.progress_ms) { STUCK_AGE_MS } else { UNPROVEN_STUCK_AGE_MS }
    }

    pub(super) fn first_left(&self) -> Option<RowId> {
        self.evicted.first().copied().or(self.skipped)
    }

    /// Returns whether at least half of its limit is free, so that reading a page is worthwhile.
    pub(super) fn has_room(&self, free: WindowLimits) -> bool {
        self.rows <= free.rows && self.bytes <= free.bytes
    }

    pub(super) fn only_waits(&self) -> bool {
        self.out() == 0 && self.ready.is_empty() && self.suspects.is_empty()
    }

    pub(super) fn is_suspects_turn(&self) -> bool {
        !self.suspects.is_empty() && (self.turn == 0 || self.ready.is_empty())
    }

    pub(super) fn prefer_ready(&mut self) {
        self.turn = self.ready.len();
    }

    #[cfg(test)]
    pub(super) fn is_alone(&self, id: RowId) -> bool {
        self.alone.as_ref().is_some_and(|alone| alone.row == id)
    }

    /// Removes the row to send next. A suspect is sent alone.
    pub(super) fn pop(&mut self, direct: Option<u64>) -> Option<RowId> {
        if self.is_suspects_turn() {
            let row = self.suspects.pop_front()?;
            self.alone = Some(Alone { row, has_company: false, direct });
            return Some(row);
        }
        self.turn = self.turn.saturating_sub(1);
        self.ready.pop_front()
    }

    pub(super) fn out(&self) -> usize {
        self.sent.len()
    }

    /// Returns when every row in flight will be stuck. `None`: none is in flight.
    ///
    /// A later row shares the batch of a stuck one only if the broker returns.
    pub(super) fn all_stuck_at(&self, now_ms: i64) -> Option<i64> {
        self.sent.first()?;
        // A future time is from before the clock was set back.
        let newest = self.sent.range(..(now_ms.saturating_add(1), RowId(0))).next_back();
        Some(newest.map_or(0, |(sent_ms, _)| *sent_ms).saturating_add(STUCK_AGE_MS))
    }

    pub(super) fn begin_flight(&mut self, id: RowId, sent_ms: i64, now_ms: i64) {
        if self.out() == 0 && !self.is_failing {
            self.progress_ms = now_ms;
        }
        self.sent.insert((sent_ms, id));
    }

    /// Counts a row as no longer in flight. Returns its state if it was sent alone.
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

    pub(super) fn acknowledged(&mut self, now_ms: i64) {
        self.pace.acknowledge(now_ms);
        self.answered(now_ms);
    }

    /// Handles a failed row. `is_answer`: the broker refused it.
    pub(super) fn failed(&mut self, is_answer: bool, now_ms: i64) {
        if is_answer { self.answered(now_ms) } else { self.is_failing = true }
    }

    fn answered(&mut self, now_ms: i64) {
        self.progress_ms = now_ms;
        self.is_failing = false;
        self.was_stuck = false;
    }

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
