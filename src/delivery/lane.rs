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

/// State of the ordered delivery to one topic. It is open while the topic is known to exist.
pub(super) struct Lane {
    topic: Arc<str>,
    state: AtomicU8,
    opened: Notify,
    /// 0: unknown.
    partitions: AtomicU32,
    is_counting: AtomicBool,
    breaker: Mutex<CircuitBreaker>,
    /// State of the breaker, readable without a lock.
    circuit_open: AtomicBool,
    /// Number of records in flight.
    out: AtomicUsize,
    /// `out` when the circuit opened.
    out_then: AtomicUsize,
    /// Number of records sent so far.
    handed_over: AtomicU64,
    /// Held while a record is sent alone; `exclusive` is the same, readable without a lock.
    alone: tokio::sync::Mutex<()>,
    exclusive: AtomicBool,
    /// Wakes the task in [`Lane::idle`].
    idle: Notify,
    /// Records in flight that [`Lane::idle`] does not wait for, because their partition accepts nothing.
    stuck: AtomicUsize,
    backlog: Mutex<LaneBacklog>,
    /// [`LaneBacklog::records`], readable without a lock.
    before: AtomicU64,
    told: Mutex<Vec<DrainEvent>>,
    wake: Notify,
    quota: Option<DeadLetterQuota>,
    counters: TopicCounters,
}

/// Event for the lane's drain.
#[derive(Debug, Clone, Copy)]
pub(super) enum DrainEvent {
    Reported(RowId, Result<(), RecordFailure>),
    /// End of the move of a row that no retry can deliver. `true`: moved.
    Moved(RowId, bool),
    /// End of the set-aside of an invalid row. `true`: set aside.
    SetAside(RowId, bool),
}

/// Number of events that may probe an open circuit before the first report. Limited, because librdkafka holds
/// their memory while it retries. More than one, because a single partition may be stuck.
const MAX_PROBES: usize = 8;

impl Lane {
    /// Creates a lane with `records` in the spool, none later than `newest`.
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

    pub(super) fn is_circuit_open(&self) -> bool {
        self.circuit_open.load(Ordering::Acquire)
    }

    /// Returns whether to send a record now. While the circuit is open, each `true` is a probe.
    pub(super) fn accepts(&self) -> bool {
        !self.is_circuit_open() || self.breaker().accepts(Instant::now(), jitter())
    }

    /// Returns [`Lane::accepts`] for an event, with at most [`MAX_PROBES`] probes in flight.
    pub(super) fn accepts_event(&self) -> bool {
        let tries = self.out.load(Ordering::Acquire).saturating_sub(self.out_then.load(Ordering::Acquire));
        tries < MAX_PROBES && self.accepts()
    }

    /// Counts a record as sent. [`Lane::on_report`] handles its report.
    pub(super) fn count_sent(&self) {
        self.out.fetch_add(1, Ordering::AcqRel);
        self.handed_over.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn handed_over(&self) -> u64 {
        self.handed_over.load(Ordering::Acquire)
    }

    pub(super) fn is_exclusive(&self) -> bool {
        self.exclusive.load(Ordering::Acquire)
    }

    /// Waits for the exclusive right to send, which ends with the guard.
    pub(super) async fn alone(&self) -> ExclusiveGuard<'_> {
        let turn = self.alone.lock().await;
        self.exclusive.store(true, Ordering::Release);
        ExclusiveGuard { lane: self, _turn: turn }
    }

    pub(super) fn out(&self) -> usize {
        self.out.load(Ordering::Acquire)
    }

    /// Waits for at most `timeout` until only stuck records are in flight; those in flight then are stuck.
    /// Returns the number of stuck records. For the task with the exclusive right.
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

    pub(super) fn retry_at(&self) -> Option<Instant> {
        if self.is_circuit_open() { self.breaker().retry_at() } else { None }
    }

    pub(super) fn failed(&self, why: impl fmt::Display) {
        // All records of a topic may fail at once, on librdkafka's thread.
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

    pub(super) fn on_report(&self, result: Result<(), RecordFailure>) {
        self.out.fetch_sub(1, Ordering::AcqRel);
        if self.is_exclusive() {
            self.idle.notify_one();
        }
        if result.is_ok() { &self.counters.acked } else { &self.counters.failed }.inc();
        match result {
            // A broker that refuses a record is available.
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
        self.breaker.lock()
    }

    fn backlogged<R>(&self, look: impl FnOnce(&mut LaneBacklog) -> R) -> R {
        let mut backlog = self.backlog.lock();
        let seen = look(&mut backlog);
        self.before.store(backlog.records, Ordering::Release);
        seen
    }

    pub(super) fn backlog(&self) -> u64 {
        self.before.load(Ordering::Acquire)
    }

    pub(super) fn show(&self) {
        self.counters.circuit_open.set(self.is_circuit_open().into());
        self.counters.backlog.set(self.backlog());
    }

    /// Counts a record that is being appended to the spool. New records are queued behind it from now on.
    pub(super) fn begin_append(&self) {
        self.backlogged(|backlog| {
            backlog.records += 1;
            backlog.joining += 1;
        });
    }

    /// Handles the end of an append. `None`: it was refused.
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

    pub(super) fn remove_from_backlog(&self) {
        self.backlogged(LaneBacklog::leave);
    }

    /// Returns the last committed row.
    pub(super) fn newest(&self) -> RowId {
        self.backlogged(|backlog| backlog.newest)
    }

    /// Returns whether more rows are counted than are being appended. For a drain that holds no row and has
    /// read all.
    pub(super) fn counts_lost_rows(&self) -> bool {
        self.backlogged(|backlog| backlog.records > backlog.joining)
    }

    /// Corrects the count after a loss of rows: neither the spool nor the drain has a row up to this one.
    pub(super) fn ended(&self, through: RowId) {
        self.backlogged(|backlog| {
            if backlog.newest <= through {
                backlog.records = backlog.joining;
            }
        });
    }

    /// Adds `rows` to the count, up to `newest`: rows of a refused append that are in the spool, or rows that
    /// a restarted drain may count twice. Reports on earlier rows may not reach a drain.
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

    pub(super) fn unreported(&self) -> RowId {
        self.backlogged(|backlog| backlog.unreported)
    }

    pub(super) fn notify_drain(&self, told: DrainEvent) {
        self.told().push(told);
        self.wake.notify_one();
    }

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

pub(super) struct ExclusiveGuard<'a> {
    lane: &'a Lane,
    _turn: tokio::sync::MutexGuard<'a, ()>,
}

impl Drop for ExclusiveGuard<'_> {
    fn drop(&mut self) {
        self.lane.exclusive.store(false, Ordering::Release);
    }
}
