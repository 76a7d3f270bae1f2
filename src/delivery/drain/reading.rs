//! Rows that a drain reads from the spool.

use super::{Drain, SPOOL_RETRY_INTERVAL, STUCK_AGE};
use crate::delivery::drain_limits::WindowLimits;
use crate::delivery::monitor::now_millis;
use crate::delivery::window::FailedRow;
use crate::delivery::{Failure, record_codec};
use crate::record::Record;
use crate::spool::{Page, Row, RowId};
use std::sync::Arc;
use tokio::time::Instant;

impl Drain {
    /// Keeps a report on a row that was not read yet, or was skipped; `false` if it was set aside.
    pub(super) fn keep_early_report(&mut self, row: RowId, result: Result<(), Failure>) -> bool {
        let early = row > self.through || self.window.first_skipped().is_some_and(|first| row >= first);
        if early {
            self.early.insert(row, result);
        }
        early
    }

    /// Reads rows while there are some and there is room.
    pub(super) async fn fill(&mut self) {
        if !self.lane.is_open() {
            // Rows are queued by partition.
            if self.has_more() {
                self.lane.start_opening(&self.shared.sink, &self.shared.runtime);
                if !std::mem::replace(&mut self.is_checked, true) {
                    // Finds damaged rows, although Kafka may be away for long.
                    self.read(self.cursor, self.shared.share.limits()).await;
                }
            }
            return;
        }
        if self.window.is_empty() {
            self.window.set_partitions(self.lane.partitions());
        }
        while self.may_read() {
            let limits = self.shared.share.limits();
            let resumable = self.window.resumable(limits, now_millis());
            let (after, room) = match (resumable, self.next_room(limits)) {
                (Some((_, first, room)), _) => (RowId(first.0 - 1), room),
                (None, Some(room)) => (self.cursor, room),
                (None, None) => return self.check_blocked_rows(limits),
            };
            let Some(page) = self.read(after, room).await else {
                self.read_at = Some(Instant::now() + SPOOL_RETRY_INTERVAL);
                return;
            };
            self.read_at = None;
            let may_continue = match resumable {
                Some((partition, ..)) => self.resume(partition, page, limits),
                None => self.take_page(page, limits),
            };
            let unread =
                self.window.first_skipped().unwrap_or(RowId(i64::MAX)).min(RowId(self.through.0 + 1));
            // Rows that were deleted before they were read.
            self.early = self.early.split_off(&unread);
            if !may_continue {
                return;
            }
        }
    }

    /// Returns how much may be read of what no partition has read.
    fn next_room(&self, limits: WindowLimits) -> Option<WindowLimits> {
        // Rows of a key must not be in two queues, so the window has to be empty first.
        let is_queued_right = self.window.partitions() == self.lane.partitions();
        if self.has_more() && is_queued_right { self.window.room(limits, now_millis()) } else { None }
    }

    /// Takes rows that were not read before. Returns `false` if one has to wait for its partition, which will
    /// have room soon.
    fn take_page(&mut self, page: Page, limits: WindowLimits) -> bool {
        for row in page.rows {
            let before = self.cursor;
            if !self.take(row, limits) {
                self.through = before;
                return false;
            }
        }
        self.through = page.through;
        true
    }

    /// Takes the rows of a partition that were skipped. Returns `false` if it has no more room.
    fn resume(&mut self, partition: u32, page: Page, limits: WindowLimits) -> bool {
        for row in page.rows {
            if row.id > self.through {
                break;
            }
            let Some(record) = record_codec::decode(self.lane.topic(), row.payload) else { continue };
            if self.window.partition_of(row.id, &record) != partition {
                continue;
            }
            if !self.window.accepts(partition, record.size(), limits) {
                self.window.resume_at(partition, Some(row.id));
                return false;
            }
            self.insert(row.id, record, row.handed_over);
        }
        let next = RowId(page.through.0 + 1);
        self.window.resume_at(partition, (next <= self.through).then_some(next));
        true
    }

    /// Has the next look no later than when what is in flight now is stuck.
    fn schedule_stuck_check(&mut self) {
        self.stuck_at = Some(Instant::now() + STUCK_AGE);
    }

    /// Gives up a row that no other can pass, where the window takes no more rows.
    fn check_blocked_rows(&mut self, limits: WindowLimits) {
        if self.has_more() {
            self.schedule_stuck_check();
        }
        let is_full = self.has_more() && self.window.room(limits, now_millis()).is_none();
        if let Some(row) = self.window.abandon_stuck(is_full) {
            self.to_dead_letter(row, Failure::Refused);
        }
    }

    /// Returns whether there may be rows to read.
    pub(super) fn has_more(&self) -> bool {
        self.lane.newest() > self.through
    }

    fn may_read(&self) -> bool {
        self.read_at.is_none_or(|at| at <= Instant::now())
    }

    /// Whether rows are counted that nobody can read, for a damaged file lost them.
    pub(super) fn has_lost_rows(&self) -> bool {
        self.window.is_empty() && !self.has_more() && self.lane.counts_lost_rows()
    }

    /// Has such rows no longer counted, once the spool says that the lane is empty from its first row
    /// on. Deletions may be on their way, so it is asked until then.
    pub(super) async fn check_lost_rows(&mut self) {
        if !self.has_lost_rows() || !self.may_read() {
            return;
        }
        match self.read(RowId(0), WindowLimits { rows: 1, bytes: 1 }).await {
            Some(page) if page.rows.is_empty() => {
                self.read_at = None;
                self.lane.ended(page.through);
            }
            // A file that was salvaged may hold rows that the damaged one hid.
            _ => {
                self.through = self.cursor;
                self.read_at = Some(Instant::now() + SPOOL_RETRY_INTERVAL);
            }
        }
    }

    async fn read(&self, after: RowId, room: WindowLimits) -> Option<Page> {
        let (spool, lane) = (Arc::clone(&self.shared.spool), Arc::clone(&self.lane));
        let read = move || spool.read(lane.topic(), after, room.rows, room.bytes);
        match self.shared.runtime.spawn_blocking(read).await {
            Ok(Ok(page)) => Some(page),
            Ok(Err(error)) => {
                tracing::error!(topic = %self.lane.topic(), %error, "the backlog cannot be read; trying again");
                None
            }
            Err(panic) => {
                tracing::error!(%panic, "reading the spool ended in a panic: this is a bug");
                None
            }
        }
    }

    /// Takes a row that was not read before, or skips it. Returns `false` if it has to be read again.
    pub(super) fn take(&mut self, row: Row, limits: WindowLimits) -> bool {
        let Some(record) = record_codec::decode(self.lane.topic(), row.payload) else {
            tracing::error!(topic = %self.lane.topic(), row = row.id.0, "a spooled record is of an unknown form; it is set aside");
            self.cursor = row.id;
            self.lane.remove_from_backlog();
            self.set_aside(row.id);
            return true;
        };
        let partition = self.window.partition_of(row.id, &record);
        let is_skipped = self.window.skips(partition);
        if !is_skipped && !self.window.accepts(partition, record.size(), limits) {
            if !self.window.is_stuck(partition, now_millis()) {
                self.window.block_on(partition);
                self.schedule_stuck_check();
                return false;
            }
            self.window.skip(partition, row.id);
        } else if !is_skipped {
            self.insert(row.id, record, row.handed_over);
        }
        self.cursor = row.id;
        true
    }

    /// Adds a row to the window, unless its report has arrived already.
    pub(super) fn insert(&mut self, row: RowId, record: Record, handed_over: bool) {
        let early = self.early.remove(&row);
        if early == Some(Ok(())) {
            // Its deletion is queued.
            return;
        }
        let is_out = handed_over && row > self.lane.unreported();
        if is_out {
            self.begin_flight();
            self.spans.sent(row, &record);
        }
        self.window.insert(row, record, is_out, now_millis());
        if let Some(Err(failure)) = early {
            let direct = self.direct();
            if self.window.failed(row, failure, now_millis(), direct) == Some(FailedRow::Permanent) {
                self.to_dead_letter(row, failure);
            }
        }
    }
}
