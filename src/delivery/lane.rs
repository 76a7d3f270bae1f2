//! One topic's ordered way to Kafka.

mod backlog;
mod opening;

use super::Failure;
use super::circuit_breaker::CircuitBreaker;
use super::dead_letter_quota::DeadLetterQuota;
use crate::spool::RowId;
use crate::telemetry::TopicCounters;
use backlog::LaneBacklog;
use opening::{CLOSED, OPEN};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A lane is open while its topic is known to be there. Records go direct to Kafka while it has no
/// backlog and its breaker is closed.
pub(super) struct Lane {
    topic: Arc<str>,
    state: AtomicU8,
    opened: Notify,
    /// Partitions of the topic; 0: unknown.
    partitions: AtomicU32,
    /// A task asks for their number.
    is_counting: AtomicBool,
    breaker: Mutex<CircuitBreaker>,
    /// Whether the breaker is open, so that asking costs no lock.
    held_up: AtomicBool,
    /// Records that are handed over and not reported.
    out: AtomicUsize,
    /// How many were when the breaker opened.
    out_then: AtomicUsize,
    /// Records that were handed over so far.
    handed_over: AtomicU64,
    /// Held while a record is sent alone, and that as a flag, so that asking costs no lock.
    alone: tokio::sync::Mutex<()>,
    exclusive: AtomicBool,
    /// Wakes the task in [`Lane::idle`].
    idle: Notify,
    /// Records in flight that [`Lane::idle`] does not wait for: their partition accepts nothing.
    stuck: AtomicUsize,
    backlog: Mutex<LaneBacklog>,
    /// [`LaneBacklog::records`], so that asking costs no lock.
    before: AtomicU64,
    told: Mutex<Vec<DrainEvent>>,
    /// Wakes the lane's drain.
    wake: Notify,
    /// What the lane may put into the spool, where it is limited.
    quota: Option<DeadLetterQuota>,
    counters: TopicCounters,
}

/// What a lane's drain is told about its rows.
#[derive(Debug, Clone, Copy)]
pub(super) enum DrainEvent {
    /// A row's delivery report.
    Reported(RowId, Result<(), Failure>),
    /// Whether a row in hand that no retry can help is now elsewhere.
    Moved(RowId, bool),
    /// Whether a row that cannot be read as a record is now set aside.
    SetAside(RowId, bool),
}

/// How many events try a lane that is held up while none of them is reported. What is out is tried by
/// the client library itself, and holds the event's memory. More than one, for one partition of a topic
/// may hang and the others go on.
const MAX_PROBES: usize = 8;

impl Lane {
    /// `records` are in the spool, and the last of them is no later than `newest`.
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
            held_up: AtomicBool::new(false),
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

    /// Whether the breaker is open.
    pub(super) fn is_circuit_open(&self) -> bool {
        self.held_up.load(Ordering::Acquire)
    }

    /// Whether a record may be sent now. While the breaker is open, each `true` is a try.
    pub(super) fn accepts(&self) -> bool {
        !self.is_circuit_open() || self.breaker().accepts(Instant::now(), jitter())
    }

    /// Whether an event may be sent now: as [`Lane::accepts`], but only so often.
    pub(super) fn accepts_event(&self) -> bool {
        let tries = self.out.load(Ordering::Acquire).saturating_sub(self.out_then.load(Ordering::Acquire));
        tries < MAX_PROBES && self.accepts()
    }

    /// A record is handed over. Its report is [`Lane::heard`].
    pub(super) fn count_sent(&self) {
        self.out.fetch_add(1, Ordering::AcqRel);
        self.handed_over.fetch_add(1, Ordering::AcqRel);
    }

    /// Records that were handed over so far.
    pub(super) fn handed_over(&self) -> u64 {
        self.handed_over.load(Ordering::Acquire)
    }

    /// Whether a record is sent alone, and others wait.
    pub(super) fn is_exclusive(&self) -> bool {
        self.exclusive.load(Ordering::Acquire)
    }

    /// Waits for the turn to send a record alone. Others wait until the turn is dropped.
    pub(super) async fn alone(&self) -> ExclusiveGuard<'_> {
        let turn = self.alone.lock().await;
        self.exclusive.store(true, Ordering::Release);
        ExclusiveGuard { lane: self, _turn: turn }
    }

    /// Returns the number of records in flight.
    pub(super) fn out(&self) -> usize {
        self.out.load(Ordering::Acquire)
    }

    /// Waits until no record is in flight but those that are stuck, for at most `timeout`: what is in flight
    /// then is stuck. Returns the number of stuck records. For the task that has the turn.
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

    /// When a record may be tried next, while the breaker is open.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        if self.is_circuit_open() { self.breaker().retry_at() } else { None }
    }

    /// A record of this lane is not acknowledged in time, or failed.
    pub(super) fn failed(&self, why: impl fmt::Display) {
        // A whole topic may fail at once, on a thread that others wait for.
        if self.is_circuit_open() {
            return;
        }
        let mut breaker = self.breaker();
        if !breaker.failed(Instant::now(), jitter()) {
            return;
        }
        self.out_then.store(self.out.load(Ordering::Acquire), Ordering::Release);
        self.held_up.store(true, Ordering::Release);
        drop(breaker);
        self.counters.hold_ups.inc();
        tracing::warn!(topic = %self.topic, %why, "lane held up");
    }

    /// A delivery report came in.
    pub(super) fn on_report(&self, result: Result<(), Failure>) {
        self.out.fetch_sub(1, Ordering::AcqRel);
        if self.is_exclusive() {
            self.idle.notify_one();
        }
        if result.is_ok() { &self.counters.acked } else { &self.counters.failed }.inc();
        match result {
            // A broker that refuses a record answers as well as one that takes it.
            Ok(()) | Err(Failure::Unfit | Failure::Timestamp | Failure::Refused)
                if !self.is_circuit_open() => {}
            Ok(()) | Err(Failure::Unfit | Failure::Timestamp | Failure::Refused) => {
                let mut breaker = self.breaker();
                let goes_on = breaker.acknowledged();
                if goes_on {
                    self.held_up.store(false, Ordering::Release);
                }
                drop(breaker);
                self.wake.notify_one();
                if goes_on {
                    tracing::info!(topic = %self.topic, "lane goes on");
                }
            }
            // That is about the record, not about the lane.
            Err(Failure::TooLarge) => {}
            Err(failure) => {
                if failure == Failure::UnknownTopic {
                    // The next record, or the drain, makes sure of it again.
                    let _ = self.state.compare_exchange(OPEN, CLOSED, Ordering::AcqRel, Ordering::Acquire);
                }
                self.failed(failure);
            }
        }
    }

    fn breaker(&self) -> MutexGuard<'_, CircuitBreaker> {
        // The breaker is whole after each of its functions.
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the backlog, and may change it.
    fn backlogged<R>(&self, look: impl FnOnce(&mut LaneBacklog) -> R) -> R {
        // It is whole after each of the functions below.
        let mut backlog = self.backlog.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = look(&mut backlog);
        self.before.store(backlog.records, Ordering::Release);
        seen
    }

    /// Records that stand before a new one.
    pub(super) fn backlog(&self) -> u64 {
        self.before.load(Ordering::Acquire)
    }

    /// Shows whether the breaker is open and what waits.
    pub(super) fn show(&self) {
        self.counters.held_up.set(self.is_circuit_open().into());
        self.counters.backlog.set(self.backlog());
    }

    /// A record is on its way into the spool: from now on new ones line up behind it.
    pub(super) fn begin_append(&self) {
        self.backlogged(|backlog| {
            backlog.records += 1;
            backlog.joining += 1;
        });
    }

    /// How the way into the spool ended for one record: as that row, or refused.
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

    /// A record no longer stands before a new one.
    pub(super) fn remove_from_backlog(&self) {
        self.backlogged(LaneBacklog::leave);
    }

    /// The last row that was committed.
    pub(super) fn newest(&self) -> RowId {
        self.backlogged(|backlog| backlog.newest)
    }

    /// Whether more rows are counted than there are, when the drain has none in hand and none before it.
    pub(super) fn counts_lost_rows(&self) -> bool {
        self.backlogged(|backlog| backlog.records > backlog.joining)
    }

    /// The drain has nothing in hand, and no row up to this one is in the spool. What is counted beyond
    /// what is on its way was lost.
    pub(super) fn ended(&self, through: RowId) {
        self.backlogged(|backlog| {
            if backlog.newest <= through {
                backlog.records = backlog.joining;
            }
        });
    }

    /// Counts `rows` more, up to `newest`: rows of a refused append that are in the spool, or those that a
    /// drain that begins anew may count twice. Reports on rows so far may reach no drain.
    pub(super) fn recounts(&self, rows: u64, newest: RowId) {
        self.backlogged(|backlog| {
            backlog.records += rows;
            backlog.newest = backlog.newest.max(newest);
            backlog.unreported = backlog.newest;
        });
        self.wake.notify_one();
    }

    /// Returns the last row whose report may reach no drain.
    pub(super) fn unreported(&self) -> RowId {
        self.backlogged(|backlog| backlog.unreported)
    }

    /// Tells the drain about a row.
    pub(super) fn notify_drain(&self, told: DrainEvent) {
        self.told().push(told);
        self.wake.notify_one();
    }

    /// What the drain was told since this was last asked.
    pub(super) fn take_events(&self) -> Vec<DrainEvent> {
        std::mem::take(&mut *self.told())
    }

    fn told(&self) -> MutexGuard<'_, Vec<DrainEvent>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something to do for the drain. For one task.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }
}

/// The turn of a record that is sent alone.
pub(super) struct ExclusiveGuard<'a> {
    lane: &'a Lane,
    _turn: tokio::sync::MutexGuard<'a, ()>,
}

impl Drop for ExclusiveGuard<'_> {
    fn drop(&mut self) {
        self.lane.exclusive.store(false, Ordering::Release);
    }
}

/// A number from 0 to 1, different each time.
fn jitter() -> f64 {
    f64::from(RandomState::new().hash_one(0u8) as u32) / f64::from(u32::MAX)
}
