//! Drain: the task of a lane that sends its backlog to Kafka.
//!
//! Reads the spool in pages, sends rows as the [`Window`] allows, and deletes each after its acknowledgement.
//! A row appended while librdkafka still had its record is not sent again: its delivery report decides.

mod leaving;
mod reading;

use super::clock::now_millis;
use super::drain_limits::DrainLimits;
use super::lane::{DrainEvent, Lane};
use super::window::{FailedRow, STUCK_AGE_MS, Window};
use super::{RecordFailure, Report, Sink};
use crate::backoff::Backoff;
use crate::rate_limit::LogThrottle;
use crate::spool::{RowId, Spool};
use crate::telemetry::{DrainSpans, Metrics, Tracer};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

const SPOOL_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Age from which a record in flight shares no batch with a new one.
const STUCK_AGE: Duration = Duration::from_millis(STUCK_AGE_MS.unsigned_abs());

/// A disk that fails would fill the log.
const READ_LOG_INTERVAL: Duration = Duration::from_secs(30);

/// Backoff between sends of rows that Kafka refused alone.
const MIN_REFUSED_BACKOFF: Duration = Duration::from_secs(1);
const MAX_REFUSED_BACKOFF: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Running,
    /// Send nothing, but delete what is acknowledged.
    Settling,
    Ended,
}

#[derive(Clone)]
pub(super) struct DrainContext {
    pub(super) sink: Arc<dyn Sink>,
    pub(super) spool: Arc<Spool>,
    pub(super) runtime: Handle,
    pub(super) phase: watch::Receiver<Phase>,
    pub(super) dead_letters: Arc<Lane>,
    pub(super) share: Arc<DrainLimits>,
    /// Time without an acknowledgement that opens a lane's circuit.
    pub(super) ack_deadline: Duration,
    pub(super) tracer: Tracer,
    pub(super) metrics: Arc<Metrics>,
}

/// Drains a lane until [`Phase::Ended`].
///
/// After a panic it starts again as after a restart of the process, with every row that is not deleted.
/// Records that librdkafka still has are sent before, so the order is kept.
pub(super) async fn drain(lane: Arc<Lane>, shared: DrainContext) {
    let mut drain = Drain::new(Arc::clone(&lane), shared.clone());
    loop {
        match shared.runtime.spawn(drain.run()).await {
            Err(panic) if panic.is_panic() => {
                tracing::error!(topic = %lane.topic(), %panic, "a drain panicked and begins anew: this is a bug");
            }
            _ => return,
        }
        sleep(SPOOL_RETRY_INTERVAL).await;
        lane.recounts(shared.spool.usage().rows, RowId(0));
        drain = Drain::new(Arc::clone(&lane), shared.clone());
    }
}

struct Drain {
    lane: Arc<Lane>,
    shared: DrainContext,
    window: Window,
    /// Last row that was read.
    cursor: RowId,
    /// Last row of the spool that need not be read again.
    through: RowId,
    /// Last row of a restored file that is being read, and the values of `cursor` and `through` after it.
    rereading: Option<(RowId, RowId, RowId)>,
    /// The first rows were read before the lane opened.
    is_checked: bool,
    /// Delivery reports on rows that were not read yet.
    early: BTreeMap<RowId, Result<(), RecordFailure>>,
    /// Another page may be read at once.
    may_read_on: bool,
    /// Earliest time of the next read.
    read_at: Option<Instant>,
    /// Time at which the next partition is stuck, and its rows can be left on disk.
    stuck_at: Option<Instant>,
    /// Number of records this drain sent.
    handed_over: u64,
    /// Number of events that bypassed the backlog, and the time of its last observed change.
    direct: (u64, Instant),
    /// Time of the next send of rows that Kafka refused alone, and the backoff after it.
    refused_retry: Option<(Instant, Backoff)>,
    /// Time of the last report, or of the send that ended an idle time.
    progress_at: Instant,
    was_circuit_open: bool,
    spans: DrainSpans<RowId>,
    refused_log: LogThrottle,
    read_log: LogThrottle,
}

impl Drain {
    fn new(lane: Arc<Lane>, shared: DrainContext) -> Self {
        Self {
            lane,
            spans: DrainSpans::new(shared.tracer.clone()),
            shared,
            window: Window::default(),
            cursor: RowId(0),
            through: RowId(0),
            rereading: None,
            is_checked: false,
            early: BTreeMap::new(),
            may_read_on: false,
            read_at: None,
            stuck_at: None,
            handed_over: 0,
            direct: (0, Instant::now()),
            refused_retry: None,
            progress_at: Instant::now(),
            was_circuit_open: false,
            refused_log: LogThrottle::default(),
            read_log: LogThrottle::every(READ_LOG_INTERVAL),
        }
    }

    async fn run(mut self) {
        loop {
            let phase = *self.shared.phase.borrow_and_update();
            self.process_events();
            self.check_silence();
            match phase {
                Phase::Running => {
                    self.fill().await;
                    self.hand_over();
                    self.check_lost_rows().await;
                }
                Phase::Settling => {}
                Phase::Ended => return,
            }
            if std::mem::take(&mut self.may_read_on) {
                // Meanwhile, reports may have made other rows worth reading.
                tokio::task::yield_now().await;
                continue;
            }
            let next = self.next_check(phase);
            let lane = Arc::clone(&self.lane);
            tokio::select! {
                () = lane.woken() => {}
                changed = self.shared.phase.changed() => if changed.is_err() { return },
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
            }
        }
    }

    fn process_events(&mut self) {
        let (mut delivered, now_ms) = (Vec::new(), now_millis());
        for event in self.lane.take_events() {
            if let DrainEvent::Reported(row, result) = &event {
                self.spans.reported(row, result.map_err(RecordFailure::tag));
            }
            match event {
                DrainEvent::Reported(row, Ok(())) => {
                    self.progress_at = Instant::now();
                    if self.window.is_waited_for(row) {
                        self.refused_retry = None;
                    }
                    if self.window.done(row, now_ms) || self.keep_early_report(row, Ok(())) {
                        self.lane.remove_from_backlog();
                        delivered.push(row);
                    }
                }
                DrainEvent::Reported(row, Err(failure)) => {
                    if failure.may_be_anothers() {
                        self.progress_at = Instant::now();
                    }
                    let direct = self.direct();
                    match self.window.failed(row, failure, now_ms, direct) {
                        Some(FailedRow::Again | FailedRow::Restamped | FailedRow::Waits) => {}
                        Some(FailedRow::Permanent) => self.to_dead_letter(row, failure),
                        None => drop(self.keep_early_report(row, Err(failure))),
                    }
                }
                DrainEvent::Moved(row, true) if self.window.done(row, now_ms) => {
                    self.lane.remove_from_backlog()
                }
                DrainEvent::Moved(row, false) => self.window.release(row),
                DrainEvent::SetAside(row, false) => self.set_aside(row),
                DrainEvent::Moved(_, true) | DrainEvent::SetAside(_, true) => {}
            }
        }
        if !delivered.is_empty() {
            self.shared.spool.delete(delivered);
        }
    }

    /// Returns the number of events that bypassed the backlog so far.
    fn direct(&mut self) -> u64 {
        let direct = self.lane.handed_over().saturating_sub(self.handed_over);
        if direct != self.direct.0 {
            self.direct = (direct, Instant::now());
        }
        direct
    }

    /// Returns [`Drain::direct`] if none of these events can join the batch of a row sent now: each is
    /// reported on, or in flight since before its partition was stuck.
    fn direct_if_separate(&mut self) -> Option<u64> {
        let direct = self.direct();
        let are_reported = || self.lane.out() == self.window.out();
        (self.direct.1.elapsed() >= STUCK_AGE || are_reported()).then_some(direct)
    }

    fn hand_over(&mut self) {
        self.retry_refused();
        if self.lane.is_circuit_open() {
            self.window.end_alone();
        }
        let now_ms = now_millis();
        if !self.window.has_next(now_ms) {
            return;
        }
        if !self.lane.is_open() {
            self.lane.start_opening(&self.shared.sink, &self.shared.runtime);
            return;
        }
        while self.window.has_next(now_ms) && self.lane.accepts() {
            self.begin_flight();
            // Otherwise the partitioner may choose a partition of other suspects.
            let is_queued_rightly = self.window.partitions() <= self.lane.partitions();
            let direct = self.direct_if_separate().filter(|_| is_queued_rightly);
            let is_probe = self.lane.is_circuit_open();
            let Some((row, partition, record)) = self.window.next(now_ms, direct, is_probe) else { return };
            self.spans.sent(row, record);
            // A recreated topic may have fewer.
            let partition = partition.filter(|partition| *partition < self.lane.partitions());
            let report = Report::of_row(&self.lane, row);
            self.handed_over += 1;
            self.shared.sink.send(record, partition, report);
        }
    }

    /// Sends one row that was refused alone for each partition, after a backoff.
    fn retry_refused(&mut self) {
        if !self.window.has_waiting() {
            return;
        }
        let (retry_at, backoff) = self.refused_retry.get_or_insert_with(|| {
            let mut backoff = Backoff::new(MIN_REFUSED_BACKOFF, MAX_REFUSED_BACKOFF);
            (Instant::now() + backoff.next(), backoff)
        });
        if *retry_at <= Instant::now() {
            *retry_at = Instant::now() + backoff.next();
            self.window.retry_waiting();
        }
    }

    /// Starts the measurement of silence with the first row in flight.
    fn begin_flight(&mut self) {
        if self.window.out() == 0 {
            self.progress_at = Instant::now();
        }
    }

    /// Opens the circuit of a lane with rows in flight and no reports, even if the connection is up.
    fn check_silence(&mut self) {
        let is_circuit_open = self.lane.is_circuit_open();
        if std::mem::replace(&mut self.was_circuit_open, is_circuit_open) && !is_circuit_open {
            // A record was acknowledged, perhaps with a report not processed yet.
            self.progress_at = Instant::now();
        }
        if self.window.out() > 0 && !is_circuit_open && Instant::now() >= self.silent_at() {
            self.lane.failed("no spooled record is acknowledged");
        }
    }

    fn silent_at(&self) -> Instant {
        self.progress_at + self.shared.ack_deadline
    }

    /// Returns the time of the next work that no event starts.
    fn next_check(&self, phase: Phase) -> Option<Instant> {
        if phase != Phase::Running {
            return None;
        }
        let silence = (self.window.out() > 0 && !self.lane.is_circuit_open()).then(|| self.silent_at());
        let now_ms = now_millis();
        let has_next = self.window.has_next(now_ms) && self.lane.is_open();
        let retry = if has_next { self.lane.retry_at() } else { None };
        let suspect = self.window.suspect_at(now_ms).filter(|at| *at > now_ms);
        let suspect = suspect.map(|at| Instant::now() + Duration::from_millis(at.abs_diff(now_ms)));
        let refused = self.refused_retry.as_ref().filter(|_| self.window.has_waiting()).map(|(at, _)| *at);
        let stuck = self.stuck_at.filter(|at| *at > Instant::now());
        [silence, retry, suspect, self.read_at, refused, stuck].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests;
