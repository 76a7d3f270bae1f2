//! Lane: the ordered delivery to one topic.

mod backlog;
mod opening;

use super::RecordFailure;
use super::circuit_breaker::CircuitBreaker;
use super::dead_letter_quota::DeadLetterQuota;
use crate::backoff::jitter;
use crate::spool::{LateRows, RowId};
use crate::telemetry::TopicCounters;
use backlog::LaneBacklog;
use opening::{CLOSED, OPEN};
use parking_lot::{Mutex, MutexGuard};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Lane. It is open while its topic is known to exist. Records are sent directly to Kafka while it has no
/// backlog and its circuit is closed.
pub(super) struct Lane {
    topic: Arc<str>,
    state: AtomicU8,
    opened: Notify,
    /// Partitions of the topic; 0: unknown.
    partitions: AtomicU32,
    /// True if a task counts the partitions.
    is_counting: AtomicBool,
    breaker: Mutex<CircuitBreaker>,
    /// True if the circuit is open, readable without a lock.
    circuit_open: AtomicBool,
    /// Number of records in flight.
    out: AtomicUsize,
    /// Number of records in flight when the circuit opened.
    out_then: AtomicUsize,
    /// Number of records sent so far.
    handed_over: AtomicU64,
    /// Held while a record is sent alone, and the same as a flag, readable without a lock.
    alone: tokio::sync::Mutex<()>,
    exclusive: AtomicBool,
    /// Wakes the task in [`Lane::idle`].
    idle: Notify,
    /// Number of records in flight that [`Lane::idle`] does not wait for, because their partition accepts
    /// nothing.
    stuck: AtomicUsize,
    backlog: Mutex<LaneBacklog>,
    /// [`LaneBacklog::records`], readable without a lock.
    before: AtomicU64,
    told: Mutex<Vec<DrainEvent>>,
    /// Wakes the drain of the lane.
    wake: Notify,
    /// Limits of the lane in the spool, if it has any.
    quota: Option<DeadLetterQuota>,
    counters: TopicCounters,
}

/// Event of a row that the lane's drain handles.
#[derive(Debug, Clone, Copy)]
pub(super) enum DrainEvent {
    /// Delivery report of a row.
    Reported(RowId, Result<(), RecordFailure>),
    /// End of the move of a row that no retry can deliver. `true`: it was moved.
    Moved(RowId, bool),
    /// End of the set-aside of an invalid row. `true`: it was set aside.
    SetAside(RowId, bool),
}

/// Largest number of events that probe a lane with an open circuit before one of them is reported on.
/// librdkafka retries what is in flight, and that holds the event's memory. More than one, because one
/// partition of a topic may be stuck while others work.
const MAX_PROBES: usize = 8;

impl Lane {
    /// Creates a lane with `records` in the spool, the last of them no later than `newest`.
    pub(super) fn new(
        topic: Arc<str>,
        records: u64,
        newest: RowId,
        quota: Option<DeadLetterQuota>,
        counters: TopicCounters,
    ) -> Arc<Self> {
        let newest = if records > 0 { newest } else { RowId(0) };
        Arc::new(Self {
            topic,
            state: AtomicU8::new(CLOSED),
            opened: Notify::new(),
            partitions: AtomicU32::new(0),
            is_counting: AtomicBool::new(false),
            breaker: Mutex::default(),
            circuit_open: AtomicBool::new(false),
            out: AtomicUsize::new(0),
            out_then: AtomicUsize::new(0),
            handed_over: AtomicU64::new(0),
            alone: tokio::sync::Mutex::default(),
            exclusive: AtomicBool::new(false),
            idle: Notify::new(),
            stuck: AtomicUsize::new(0),
            backlog: Mutex::new(LaneBacklog { records, newest, ..LaneBacklog::default() }),
            before: AtomicU64::new(records),
            told: Mutex::default(),
            wake: Notify::new(),
            quota,
            counters,
        })
    }

    pub(super) fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    pub(super) fn quota(&self) -> Option<&DeadLetterQuota> {
        self.quota.as_ref()
    }

    /// Returns whether the circuit is open.
    pub(super) fn is_circuit_open(&self) -> bool {
        self.circuit_open.load(Ordering::Acquire)
    }

    /// Returns whether a record may be sent now. While the circuit is open, each `true` is a probe.
    pub(super) fn accepts(&self) -> bool {
        !self.is_circuit_open() || self.breaker().accepts(Instant::now(), jitter())
    }

    /// As [`Lane::accepts`] for an event, with at most [`MAX_PROBES`] probes in flight.
    pub(super) fn accepts_event(&self) -> bool {
        let tries = self.out.load(Ordering::Acquire).saturating_sub(self.out_then.load(Ordering::Acquire));
        tries < MAX_PROBES && self.accepts()
    }

    /// Counts a record as sent. Its report is passed to [`Lane::on_report`].
    pub(super) fn count_sent(&self) {
        self.out.fetch_add(1, Ordering::AcqRel);
        self.handed_over.fetch_add(1, Ordering::AcqRel);
    }

    /// Returns the number of records sent so far.
    pub(super) fn handed_over(&self) -> u64 {
        self.handed_over.load(Ordering::Acquire)
    }

    /// Returns whether a record is being sent alone, so that others have to wait.
    pub(super) fn is_exclusive(&self) -> bool {
        self.exclusive.load(Ordering::Acquire)
    }

    /// Waits for the exclusive right to send. Others wait until the guard is dropped.
    pub(super) async fn alone(&self) -> ExclusiveGuard<'_> {
        let turn = self.alone.lock().await;
        self.exclusive.store(true, Ordering::Release);
        ExclusiveGuard { lane: self, _turn: turn }
    }

    /// Returns the number of records in flight.
    pub(super) fn out(&self) -> usize {
        self.out.load(Ordering::Acquire)
    }

    /// Waits until no record but the stuck ones is in flight, for at most `timeout`; those still in flight
    /// then are stuck. Returns the number of stuck records. For the task with the exclusive right.
    pub(super) async fn idle(&self, timeout: Duration) -> usize {
        let reported = async {
            while self.out() > self.stuck.load(Ordering::Acquire) {
                self.idle.notified().await;
            }
        };
        drop(tokio::time::timeout(timeout, reported).await);
        let stuck = self.out();
        self.stuck.store(stuck, Ordering::Release);
        stuck
    }

    /// Returns the time of the next probe, while the circuit is open.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        if self.is_circuit_open() { self.breaker().retry_at() } else { None }
    }

    /// Handles that a record failed or was not acknowledged in time.
    pub(super) fn failed(&self, why: impl fmt::Display) {
        // All records of a topic may fail at once, on a thread that others wait for.
        if self.is_circuit_open() {
            return;
        }
        let mut breaker = self.breaker();
        if !breaker.failed(Instant::now(), jitter()) {
            return;
        }
        self.out_then.store(self.out.load(Ordering::Acquire), Ordering::Release);
        self.circuit_open.store(true, Ordering::Release);
        drop(breaker);
        self.counters.circuit_opened.inc();
        tracing::warn!(topic = %self.topic, %why, "circuit open");
    }

    /// Handles a delivery report.
    pub(super) fn on_report(&self, result: Result<(), RecordFailure>) {
        self.out.fetch_sub(1, Ordering::AcqRel);
        if self.is_exclusive() {
            self.idle.notify_one();
        }
        if result.is_ok() { &self.counters.acked } else { &self.counters.failed }.inc();
        match result {
            // A broker that refuses a record answers as well as one that accepts it.
            Ok(()) | Err(RecordFailure::Unfit | RecordFailure::Timestamp | RecordFailure::Refused(_))
                if !self.is_circuit_open() => {}
            Ok(()) | Err(RecordFailure::Unfit | RecordFailure::Timestamp | RecordFailure::Refused(_)) => {
                let mut breaker = self.breaker();
                let has_closed = breaker.acknowledged();
                if has_closed {
                    self.circuit_open.store(false, Ordering::Release);
                }
                drop(breaker);
                self.wake.notify_one();
                if has_closed {
                    tracing::info!(topic = %self.topic, "circuit closed");
                }
            }
            // The record is the cause, not the lane.
            Err(RecordFailure::TooLarge) => {}
            Err(failure) => {
                if failure == RecordFailure::UnknownTopic {
                    // The next record, or the drain, checks the topic again.
                    let _ = self.state.compare_exchange(OPEN, CLOSED, Ordering::AcqRel, Ordering::Acquire);
                }
                self.failed(failure);
            }
        }
    }

    fn breaker(&self) -> MutexGuard<'_, CircuitBreaker> {
        // Each function leaves the circuit breaker in a valid state.
        self.breaker.lock()
    }

    /// Runs a function on the backlog, which may change it.
    fn backlogged<R>(&self, look: impl FnOnce(&mut LaneBacklog) -> R) -> R {
        // Each function below leaves the backlog in a valid state.
        let mut backlog = self.backlog.lock();
        let seen = look(&mut backlog);
        self.before.store(backlog.records, Ordering::Release);
        seen
    }

    /// Returns the number of records that precede a new one.
    pub(super) fn backlog(&self) -> u64 {
        self.before.load(Ordering::Acquire)
    }

    /// Updates the metrics of the circuit and the backlog.
    pub(super) fn show(&self) {
        self.counters.circuit_open.set(self.is_circuit_open().into());
        self.counters.backlog.set(self.backlog());
    }

    /// Counts a record that is being appended to the spool. From now on new records are queued behind it.
    pub(super) fn begin_append(&self) {
        self.backlogged(|backlog| {
            backlog.records += 1;
            backlog.joining += 1;
        });
    }

    /// Handles the end of an append: the row of the record, or `None` if it was refused.
    pub(super) fn end_append(&self, row: Option<RowId>) {
        self.backlogged(|backlog| {
            backlog.joining -= 1;
            match row {
                Some(row) => {
                    self.counters.spooled.inc();
                    backlog.newest = backlog.newest.max(row);
                }
                None => backlog.leave(),
            }
        });
        self.wake.notify_one();
    }

    /// Counts a record of the backlog less.
    pub(super) fn remove_from_backlog(&self) {
        self.backlogged(LaneBacklog::leave);
    }

    /// Returns the last row that was committed.
    pub(super) fn newest(&self) -> RowId {
        self.backlogged(|backlog| backlog.newest)
    }

    /// Returns whether more rows are counted than being appended. For a drain that holds no row and has read
    /// all.
    pub(super) fn counts_lost_rows(&self) -> bool {
        self.backlogged(|backlog| backlog.records > backlog.joining)
    }

    /// Corrects the count after rows were lost: no row up to this one is in the spool, and the drain holds
    /// none.
    pub(super) fn ended(&self, through: RowId) {
        self.backlogged(|backlog| {
            if backlog.newest <= through {
                backlog.records = backlog.joining;
            }
        });
    }

    /// Adds `rows` to the count, up to `newest`: rows of a refused append that are in the spool, or rows that
    /// a restarted drain may count twice. Reports on rows so far may not reach a drain.
    pub(super) fn recounts(&self, rows: u64, newest: RowId) {
        self.backlogged(|backlog| {
            backlog.records += rows;
            backlog.newest = backlog.newest.max(newest);
            backlog.unreported = backlog.newest;
        });
        self.wake.notify_one();
    }

    /// Counts rows that a failed commit left, or that a restored file has. The drain may have read beyond
    /// restored rows.
    pub(super) fn finds(&self, rows: &LateRows, is_restored: bool) {
        self.recounts(rows.count, rows.last);
        if is_restored {
            self.backlogged(|backlog| {
                let (first, last) = backlog.restored.unwrap_or((rows.first, rows.last));
                backlog.restored = Some((first.min(rows.first), last.max(rows.last)));
            });
        }
    }

    /// Returns the first and the last row of a restored file that are still to be read, once.
    pub(super) fn take_restored(&self) -> Option<(RowId, RowId)> {
        self.backlogged(|backlog| backlog.restored.take())
    }

    /// Returns the last row whose report may not reach a drain.
    pub(super) fn unreported(&self) -> RowId {
        self.backlogged(|backlog| backlog.unreported)
    }

    /// Sends an event of a row to the drain.
    pub(super) fn notify_drain(&self, told: DrainEvent) {
        self.told().push(told);
        self.wake.notify_one();
    }

    /// Returns the events since the last call.
    pub(super) fn take_events(&self) -> Vec<DrainEvent> {
        std::mem::take(&mut *self.told())
    }

    fn told(&self) -> MutexGuard<'_, Vec<DrainEvent>> {
        self.told.lock()
    }

    /// Waits for work for the drain. For one task.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }
}

/// Exclusive right to send to a lane.
pub(super) struct ExclusiveGuard<'a> {
    lane: &'a Lane,
    _turn: tokio::sync::MutexGuard<'a, ()>,
}

impl Drop for ExclusiveGuard<'_> {
    fn drop(&mut self) {
        self.lane.exclusive.store(false, Ordering::Release);
    }
}
