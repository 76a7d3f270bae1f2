//! Rows of one partition that a window holds.

use super::{STUCK_AGE_MS, WindowLimits};
use crate::spool::RowId;
use std::collections::VecDeque;

/// Queue of one partition. The window keeps the rows themselves.
#[derive(Default)]
pub(super) struct Queue {
    pub(super) rows: usize,
    pub(super) bytes: usize,
    /// Rows in flight.
    pub(super) out: usize,
    /// Time of the last report, or of the hand-over before which no row was in flight, in milliseconds since
    /// 1970.
    progress_ms: i64,
    /// Rows to send.
    pub(super) ready: VecDeque<RowId>,
    /// Rows that were refused with others, to send alone.
    pub(super) suspects: VecDeque<RowId>,
    /// Rows that Kafka refused alone, the one that waited longest first.
    pub(super) waiting: VecDeque<RowId>,
    /// Row that is in flight alone, but for stuck ones.
    pub(super) alone: Option<Alone>,
    /// Number of ready rows that precede the next suspect, so that suspects do not delay other keys.
    turn: usize,
    /// First row that was left on disk because the partition had its share of the window.
    pub(super) skipped: Option<RowId>,
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
    /// Returns whether the partition accepts nothing: no report arrives, or all rows wait that could be sent.
    pub(super) fn is_stuck(&self, now_ms: i64) -> bool {
        // A time from the future is from before the clock was set back.
        let is_recent = (0..STUCK_AGE_MS).contains(&now_ms.saturating_sub(self.progress_ms));
        let is_silent = self.out > 0 && !is_recent;
        is_silent || (self.only_waits() && !self.waiting.is_empty())
    }

    /// Returns whether it holds no more than half of what it may, so that a page is worth reading.
    pub(super) fn has_room(&self, free: WindowLimits) -> bool {
        self.rows <= free.rows && self.bytes <= free.bytes
    }

    /// Returns whether nothing is in flight or could be sent.
    pub(super) fn only_waits(&self) -> bool {
        self.out == 0 && self.ready.is_empty() && self.suspects.is_empty()
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

    /// Counts a row as in flight.
    pub(super) fn begin_flight(&mut self, now_ms: i64) {
        if self.out == 0 {
            self.progress_ms = now_ms;
        }
        self.out += 1;
    }

    /// Takes in a report on a row in flight. Returns whether, and how, that row was alone.
    pub(super) fn end_flight(&mut self, id: RowId, now_ms: i64) -> Option<Alone> {
        self.out -= 1;
        self.progress_ms = now_ms;
        let alone = self.alone.take_if(|alone| alone.row == id);
        match &mut self.alone {
            Some(alone) => alone.has_company = true,
            None if alone.is_some() => self.prefer_ready(),
            None => {}
        }
        alone
    }

    /// Removes a row that is not in flight.
    pub(super) fn remove(&mut self, id: RowId) {
        for rows in [&mut self.ready, &mut self.suspects, &mut self.waiting] {
            rows.retain(|row| *row != id);
        }
    }
}
