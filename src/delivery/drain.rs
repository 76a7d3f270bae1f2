//! Sends a lane's backlog on to Kafka: one task for each lane.
//!
//! Reads the spool in pages, hands rows over as the [`Window`] allows, and deletes each after its own
//! acknowledgement. A row that was appended while the client library still had its record is not sent
//! again: its report decides.

mod leaving;

use super::lane::{Lane, Told};
use super::progress::now_millis;
use super::share::{Limits, Share};
use super::window::{Verdict, Window};
use super::{Failure, Report, Sink, stored};
use crate::spool::{Page, Row, RowId, Spool};
use crate::telemetry::{DrainSpans, Metrics, Tracer};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

/// How long until the spool is asked again for what it failed at.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Pauses between tries of rows that Kafka refused alone: one row each time.
const MIN_REFUSED_BACKOFF: Duration = Duration::from_secs(1);
const MAX_REFUSED_BACKOFF: Duration = Duration::from_secs(30);

/// What drains may still do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Read and hand over.
    Running,
    /// Hand nothing over any more, and delete what is acknowledged.
    Settling,
    /// End.
    Ended,
}

/// What all drains share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) sink: Arc<dyn Sink>,
    pub(super) spool: Arc<Spool>,
    pub(super) runtime: Handle,
    pub(super) phase: watch::Receiver<Phase>,
    pub(super) dead_letters: Arc<Lane>,
    /// Of each window.
    pub(super) share: Arc<Share>,
    /// A lane of which nothing is acknowledged for so long is held up.
    pub(super) ack_deadline: Duration,
    pub(super) tracer: Tracer,
    /// Counts the dead letters that drains create.
    pub(super) metrics: Arc<Metrics>,
}

/// Drains a lane until the phase is [`Phase::Ended`].
///
/// A drain that panics begins anew, as if the process had: it sends every row again that is not deleted.
/// What the client library still has of them goes first, so order stays.
pub(super) async fn drain(lane: Arc<Lane>, shared: Shared) {
    let mut drain = Drain::new(Arc::clone(&lane), shared.clone());
    loop {
        match shared.runtime.spawn(drain.run()).await {
            Err(panic) if panic.is_panic() => {
                tracing::error!(topic = %lane.topic(), %panic, "a drain panicked and begins anew: this is a bug");
            }
            _ => return,
        }
        sleep(TRY_AGAIN).await;
        lane.recounts(shared.spool.usage().rows, RowId(0));
        drain = Drain::new(Arc::clone(&lane), shared.clone());
    }
}

/// One lane's drain.
struct Drain {
    lane: Arc<Lane>,
    shared: Shared,
    window: Window,
    /// The last row that was read.
    cursor: RowId,
    /// No row up to this one is left to read.
    through: RowId,
    /// Reports on rows that were not read yet.
    early: BTreeMap<RowId, Result<(), Failure>>,
    /// Not before then is a page read.
    read_at: Option<Instant>,
    /// Records of the lane that were handed over once the row that is out alone was.
    handed_over_alone: u64,
    /// When a row that Kafka refused alone is tried again, and the pause after that.
    refused_retry: Option<(Instant, Duration)>,
    /// When the lane was last heard of while something is out.
    heard_at: Instant,
    /// Whether the breaker was open when silence was last looked for.
    was_held_up: bool,
    spans: DrainSpans<RowId>,
}

impl Drain {
    fn new(lane: Arc<Lane>, shared: Shared) -> Self {
        Self {
            lane,
            spans: DrainSpans::new(shared.tracer.clone()),
            shared,
            window: Window::default(),
            cursor: RowId(0),
            through: RowId(0),
            early: BTreeMap::new(),
            read_at: None,
            handed_over_alone: 0,
            refused_retry: None,
            heard_at: Instant::now(),
            was_held_up: false,
        }
    }

    /// Runs until the phase is [`Phase::Ended`].
    async fn run(mut self) {
        loop {
            let phase = *self.shared.phase.borrow_and_update();
            self.hear();
            self.look_for_silence();
            match phase {
                Phase::Running => {
                    self.fill().await;
                    self.hand_over();
                    self.look_for_lost_rows().await;
                }
                Phase::Settling => {}
                Phase::Ended => return,
            }
            let next = self.next_look(phase);
            let lane = Arc::clone(&self.lane);
            tokio::select! {
                () = lane.woken() => {}
                changed = self.shared.phase.changed() => if changed.is_err() { return },
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
            }
        }
    }

    /// Takes in what the lane was told.
    fn hear(&mut self) {
        let mut delivered = Vec::new();
        for told in self.lane.take_told() {
            if let Told::Reported(row, result) = &told {
                self.spans.reported(row, result.map_err(Failure::tag));
            }
            match told {
                Told::Reported(row, Ok(())) => {
                    self.heard_at = Instant::now();
                    if self.window.is_waited_for(row) {
                        self.refused_retry = None;
                    }
                    if self.window.done(row) || self.keep_if_early(row, Ok(())) {
                        self.lane.leaves_backlog();
                        delivered.push(row);
                    }
                }
                Told::Reported(row, Err(failure)) => {
                    if failure.may_be_anothers() {
                        self.heard_at = Instant::now();
                    }
                    if self.window.alone() == Some(row) && self.lane.handed_over() != self.handed_over_alone {
                        // An event went straight at the same time.
                        self.window.end_alone();
                    }
                    match self.window.failed(row, failure, now_millis()) {
                        Some(Verdict::Again | Verdict::Restamped | Verdict::Waits) => {}
                        Some(Verdict::Permanent) => self.give_up(row, failure),
                        None => drop(self.keep_if_early(row, Err(failure))),
                    }
                }
                Told::Moved(row, true) if self.window.done(row) => self.lane.leaves_backlog(),
                Told::Moved(row, false) => self.window.release(row),
                Told::SetAside(row, false) => self.set_aside(row),
                Told::Moved(_, true) | Told::SetAside(_, true) => {}
            }
        }
        if !delivered.is_empty() {
            self.shared.spool.delete(delivered);
        }
    }

    /// Remembers a report on a row that was not read yet; `false` if it was, and was set aside.
    fn keep_if_early(&mut self, row: RowId, result: Result<(), Failure>) -> bool {
        let early = row > self.through;
        if early {
            self.early.insert(row, result);
        }
        early
    }

    /// Takes rows in hand while there are some and there is room.
    async fn fill(&mut self) {
        while self.has_more() && self.may_read() {
            let Some(room) = self.window.room(self.shared.share.limits()) else {
                if let Some(row) = self.window.give_up_stuck() {
                    self.give_up(row, Failure::Refused);
                }
                return;
            };
            let Some(page) = self.read(self.cursor, room).await else {
                self.read_at = Some(Instant::now() + TRY_AGAIN);
                return;
            };
            self.read_at = None;
            for row in page.rows {
                self.take_in_hand(row);
            }
            self.through = page.through;
            // Rows that were deleted before they were read.
            self.early = self.early.split_off(&RowId(self.through.0 + 1));
        }
    }

    /// Whether there may be rows to read.
    fn has_more(&self) -> bool {
        self.lane.newest() > self.through
    }

    fn may_read(&self) -> bool {
        self.read_at.is_none_or(|at| at <= Instant::now())
    }

    /// Whether rows are counted that nobody can read, for a damaged file lost them.
    fn misses_rows(&self) -> bool {
        self.window.is_empty() && !self.has_more() && self.lane.counts_lost_rows()
    }

    /// Has such rows no longer counted, once the spool says that the lane is empty from its first row
    /// on. Deletions may be on their way, so it is asked until then.
    async fn look_for_lost_rows(&mut self) {
        if !self.misses_rows() || !self.may_read() {
            return;
        }
        match self.read(RowId(0), Limits { rows: 1, bytes: 1 }).await {
            Some(page) if page.rows.is_empty() => {
                self.read_at = None;
                self.lane.ended(page.through);
            }
            // A file that was salvaged may hold rows that the damaged one hid.
            _ => {
                self.through = self.cursor;
                self.read_at = Some(Instant::now() + TRY_AGAIN);
            }
        }
    }

    async fn read(&self, after: RowId, room: Limits) -> Option<Page> {
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

    fn take_in_hand(&mut self, row: Row) {
        self.cursor = row.id;
        let early = self.early.remove(&row.id);
        if early == Some(Ok(())) {
            // Its deletion is on the way.
            return;
        }
        let Some(record) = stored::decode(self.lane.topic(), row.payload) else {
            tracing::error!(topic = %self.lane.topic(), row = row.id.0, "a spooled record is of an unknown form; it is set aside");
            self.lane.leaves_backlog();
            self.set_aside(row.id);
            return;
        };
        let is_out = row.handed_over && row.id > self.lane.unreported();
        if is_out {
            self.goes_out();
            self.spans.sent(row.id, &record);
        }
        self.window.insert(row.id, record, is_out);
        if let Some(Err(failure)) = early
            && self.window.failed(row.id, failure, now_millis()) == Some(Verdict::Permanent)
        {
            self.give_up(row.id, failure);
        }
    }

    /// Hands over what may go.
    fn hand_over(&mut self) {
        self.retry_refused();
        if self.lane.is_held_up() {
            // A report that stays out must not keep other keys from being tried.
            self.window.end_alone();
            self.window.prefer_ready();
        }
        let now_ms = now_millis();
        if !self.window.has_next(now_ms) {
            return;
        }
        if !self.lane.is_open() {
            self.lane.start_opening(&self.shared.sink, &self.shared.runtime);
            return;
        }
        while self.window.has_next(now_ms) && self.lane.admits() {
            self.goes_out();
            // No event went straight whose report is out.
            let is_all_of_window = self.lane.out() == self.window.out();
            let Some((row, record)) = self.window.next(now_ms) else { return };
            self.spans.sent(row, record);
            let report = Report::of_row(&self.lane, row);
            // Read before the record can be reported on.
            self.handed_over_alone = if is_all_of_window { self.lane.handed_over() } else { 0 };
            self.shared.sink.send(record, report);
        }
    }

    /// Tries one of the rows that Kafka refused alone, after a pause.
    fn retry_refused(&mut self) {
        if !self.window.has_waiting() {
            return;
        }
        let (at, pause) = *self
            .refused_retry
            .get_or_insert_with(|| (Instant::now() + MIN_REFUSED_BACKOFF, MIN_REFUSED_BACKOFF * 2));
        if at <= Instant::now() {
            self.window.retry_one();
            self.refused_retry = Some((Instant::now() + pause, (pause * 2).min(MAX_REFUSED_BACKOFF)));
        }
    }

    /// Silence counts from the first row that is out.
    fn goes_out(&mut self) {
        if self.window.out() == 0 {
            self.heard_at = Instant::now();
        }
    }

    /// A lane that says nothing while rows are out is held up, whatever the connection says.
    fn look_for_silence(&mut self) {
        let is_held_up = self.lane.is_held_up();
        if std::mem::replace(&mut self.was_held_up, is_held_up) && !is_held_up {
            // Something of it was acknowledged, though the drain may not have been told yet of what.
            self.heard_at = Instant::now();
        }
        if self.window.out() > 0 && !is_held_up && Instant::now() >= self.silent_at() {
            self.lane.failed("no spooled record is acknowledged");
        }
    }

    fn silent_at(&self) -> Instant {
        self.heard_at + self.shared.ack_deadline
    }

    /// When there is something to do without being woken.
    fn next_look(&self, phase: Phase) -> Option<Instant> {
        if phase != Phase::Running {
            return None;
        }
        let silence = (self.window.out() > 0 && !self.lane.is_held_up()).then(|| self.silent_at());
        let now_ms = now_millis();
        let has_next = self.window.has_next(now_ms) && self.lane.is_open();
        let retry = if has_next { self.lane.retry_at() } else { None };
        let suspect = self.window.suspect_at(now_ms).filter(|at| *at > now_ms);
        let suspect = suspect.map(|at| Instant::now() + Duration::from_millis(at.abs_diff(now_ms)));
        let read = if self.has_more() || self.misses_rows() { self.read_at } else { None };
        let refused = self.refused_retry.filter(|_| self.window.has_waiting()).map(|(at, _)| at);
        [silence, retry, suspect, read, refused].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests;
