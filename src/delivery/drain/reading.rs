//! Rows that a drain reads from the spool.

use super::{Drain, SPOOL_RETRY_INTERVAL};
use crate::delivery::clock::now_millis;
use crate::delivery::drain_limits::WindowLimits;
use crate::delivery::window::FailedRow;
use crate::delivery::{RecordFailure, record_codec};
use crate::record::Record;
use crate::spool::{LateRows, Page, Row, RowId};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Limits of one search for rows that a damaged file hid.
const HIDDEN_ROWS: WindowLimits = WindowLimits { rows: 256, bytes: 1024 * 1024 };

impl Drain {
    /// Keeps a report on a row that was not read yet, or was skipped. Returns `false` if the row was set
    /// aside, or its acknowledgement was counted.
    pub(super) fn keep_early_report(&mut self, row: RowId, result: Result<(), RecordFailure>) -> bool {
        // A row that a restarted drain sends again may be reported on twice.
        let is_skipped = || {
            let is_behind = self.window.first_skipped().is_some_and(|first| row >= first);
            is_behind && row > self.lane.unreported()
        };
        let is_early = (row > self.through || is_skipped()) && self.early.get(&row) != Some(&Ok(()));
        if is_early {
            self.early.insert(row, result);
        }
        is_early
    }

    pub(super) async fn fill(&mut self) {
        self.may_read_on = false;
        self.read_at = self.read_at.filter(|at| *at > Instant::now());
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
        if (self.has_more() || !self.window.is_empty()) && !self.lane.is_circuit_open() {
            // A wrong number of partitions has several in one queue.
            self.lane.start_counting(&self.shared.sink, &self.shared.runtime);
        }
        if !self.may_read() {
            return;
        }
        let (limits, now_ms) = (self.shared.share.limits(), now_millis());
        self.window.set_partitions(self.lane.partitions(), now_ms);
        self.window.find_stuck(now_ms);
        if let Some((first, room)) = self.window.resumable(limits, now_ms) {
            let Some(page) = self.read_page(RowId(first.0 - 1), room).await else { return };
            self.may_read_on = self.resume(first, page, limits);
            self.forget_early_reports();
            if self.may_read_on {
                return;
            }
        }
        let Some(room) = self.next_room(limits) else { return self.check_blocked_rows(limits) };
        let Some(page) = self.read_page(self.cursor, room).await else { return };
        self.may_read_on = self.take_page(page, limits);
        self.forget_early_reports();
    }

    /// After a failure, reads no page for a while.
    async fn read_page(&mut self, after: RowId, room: WindowLimits) -> Option<Page> {
        let page = self.read(after, room).await;
        self.read_at = page.is_none().then(|| Instant::now() + SPOOL_RETRY_INTERVAL);
        page
    }

    /// Rows may be deleted before they are read.
    fn forget_early_reports(&mut self) {
        let unread = self.window.first_skipped().unwrap_or(RowId(i64::MAX)).min(RowId(self.through.0 + 1));
        self.early = self.early.split_off(&unread);
    }

    fn next_room(&self, limits: WindowLimits) -> Option<WindowLimits> {
        if self.has_more() { self.window.room(limits, now_millis()) } else { None }
    }

    /// Returns `false` if a row has to wait for its partition, which will have room soon.
    fn take_page(&mut self, page: Page, limits: WindowLimits) -> bool {
        let end = self.rereading.map(|(last, ..)| last);
        for row in page.rows.into_iter().take_while(|row| end.is_none_or(|last| row.id <= last)) {
            let before = self.cursor;
            if !self.take(row, limits) {
                self.through = before;
                return false;
            }
        }
        self.through = page.through;
        // The deletion of later rows, which were read before, may be queued.
        if let Some((_, cursor, through)) = self.rereading.take_if(|(last, ..)| *last <= page.through) {
            self.cursor = self.cursor.max(cursor);
            self.through = self.cursor.max(through);
        }
        true
    }

    /// Takes rows that were left on disk, from `first` on. Returns `false` if no partition had room.
    fn resume(&mut self, first: RowId, page: Page, limits: WindowLimits) -> bool {
        let (now_ms, through) = (now_millis(), self.through);
        let mut stopped = BTreeSet::new();
        for row in page.rows.into_iter().take_while(|row| row.id <= through) {
            let Some(record) = record_codec::decode(self.lane.topic(), row.payload) else { continue };
            let partition = self.window.partition_of(row.id, &record);
            if stopped.contains(&partition) || !self.window.is_next_left(partition, row.id, first) {
                continue;
            }
            let is_silent = self.window.is_silent(partition, now_ms);
            if is_silent || !self.window.accepts(partition, record.size(), limits) {
                stopped.insert(partition);
                continue;
            }
            self.window.resume(partition, row.id);
            self.insert(row.id, record, row.handed_over);
        }
        let next = RowId(page.through.0 + 1);
        self.window.end_resume(first, (next <= through).then_some(next), &stopped);
        self.window.resumable(limits, now_ms).is_none_or(|(again, _)| again != first)
    }

    fn schedule_stuck_check(&mut self) {
        let now_ms = now_millis();
        let at = self.window.next_stuck_at(now_ms);
        self.stuck_at = at.map(|at| Instant::now() + Duration::from_millis(at.abs_diff(now_ms)));
    }

    /// Abandons a refused row where such rows leave no room for others.
    fn check_blocked_rows(&mut self, limits: WindowLimits) {
        if self.has_more() {
            self.schedule_stuck_check();
        }
        let has_more = self.has_more();
        if let Some((row, failure)) = self.window.abandon_refused(limits, has_more) {
            self.to_dead_letter(row, failure);
        }
    }

    pub(super) fn has_more(&self) -> bool {
        self.lane.newest() > self.through
    }

    fn may_read(&self) -> bool {
        self.read_at.is_none()
    }

    pub(super) fn has_lost_rows(&self) -> bool {
        self.window.is_empty() && !self.has_more() && self.lane.counts_lost_rows()
    }

    /// Corrects the count once the lane is empty in the spool. Reads until then, because deletions may be
    /// pending.
    pub(super) async fn check_lost_rows(&mut self) {
        if !self.has_lost_rows() || !self.may_read() {
            return;
        }
        if let Some((first, last)) = self.lane.take_restored() {
            self.rereading = Some((last, self.cursor, self.through));
            self.cursor = RowId(first.0 - 1);
            self.through = self.cursor;
            self.may_read_on = true;
            return;
        }
        let may_be_deleted = self.shared.spool.has_pending_deletes();
        let limits = if may_be_deleted { WindowLimits { rows: 1, bytes: 1 } } else { HIDDEN_ROWS };
        match self.read(RowId(0), limits).await {
            Some(page) if page.rows.is_empty() => {
                self.read_at = None;
                self.lane.ended(page.through);
            }
            Some(page) if !may_be_deleted && self.find_hidden(&page) => {}
            _ => {
                self.through = self.cursor;
                self.read_at = Some(Instant::now() + SPOOL_RETRY_INTERVAL);
            }
        }
    }

    /// Schedules rows behind the cursor. Returns `false` if the page has none.
    fn find_hidden(&mut self, page: &Page) -> bool {
        let hidden = || page.rows.iter().map(|row| row.id).take_while(|row| *row <= self.cursor);
        let (Some(first), Some(last)) = (hidden().next(), hidden().last()) else { return false };
        let count = hidden().count() as u64;
        self.lane.finds(&LateRows { lane: Arc::clone(self.lane.topic()), first, last, count }, true);
        self.may_read_on = true;
        true
    }

    async fn read(&self, after: RowId, room: WindowLimits) -> Option<Page> {
        let (spool, lane) = (Arc::clone(&self.shared.spool), Arc::clone(&self.lane));
        let read = move || spool.read(lane.topic(), after, room.rows, room.bytes);
        match self.shared.runtime.spawn_blocking(read).await {
            Ok(Ok(page)) => Some(page),
            Ok(Err(error)) => {
                if let Some(suppressed) = self.read_log.pass(Instant::now().into_std()) {
                    tracing::error!(topic = %self.lane.topic(), %error, suppressed, "the backlog cannot be read; trying again");
                }
                None
            }
            Err(panic) => {
                tracing::error!(%panic, "reading the spool ended in a panic: this is a bug");
                None
            }
        }
    }

    /// Returns `false` if the row has to be read again.
    pub(super) fn take(&mut self, row: Row, limits: WindowLimits) -> bool {
        let Some(record) = record_codec::decode(self.lane.topic(), row.payload) else {
            tracing::error!(topic = %self.lane.topic(), row = row.id.0, "a spooled record is of an unknown form; it is set aside");
            self.cursor = row.id;
            self.lane.remove_from_backlog();
            self.set_aside(row.id);
            return true;
        };
        let partition = self.window.partition_of(row.id, &record);
        let now_ms = now_millis();
        if self.window.skips(partition) || self.window.is_silent(partition, now_ms) {
            self.window.skip(partition, row.id);
        } else if self.window.accepts(partition, record.size(), limits) {
            self.insert(row.id, record, row.handed_over);
        } else if self.window.is_stuck(partition, now_ms) {
            self.window.skip(partition, row.id);
        } else {
            self.window.block_on(partition);
            self.schedule_stuck_check();
            return false;
        }
        self.cursor = row.id;
        true
    }

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
