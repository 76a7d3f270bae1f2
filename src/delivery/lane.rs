//! One topic's ordered way to Kafka.

use super::breaker::Breaker;
use super::quota::Quota;
use super::{Failure, Sink};
use crate::spool::RowId;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A lane is open while its topic is known to be there. Records go straight to Kafka while it has no
/// backlog and its breaker is closed.
pub(super) struct Lane {
    topic: Arc<str>,
    state: AtomicU8,
    opened: Notify,
    breaker: Mutex<Breaker>,
    /// Whether the breaker is open, so that asking costs no lock.
    held_up: AtomicBool,
    /// Records in the spool or on the way into it, less those that Kafka has acknowledged since.
    backlog: AtomicU64,
    /// Whether something was appended since the drain last asked.
    appended: AtomicBool,
    told: Mutex<Vec<Told>>,
    /// Wakes the lane's drain.
    wake: Notify,
    /// What the lane may put into the spool, where it is limited.
    quota: Option<Quota>,
}

/// What a lane's drain is told about its rows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told {
    /// A row's delivery report.
    Reported(RowId, Result<(), Failure>),
    /// Whether a row that no retry can help is now elsewhere.
    Moved(RowId, bool),
}

const CLOSED: u8 = 0;
/// Closed, and a task is making sure of the topic.
const OPENING: u8 = 1;
const OPEN: u8 = 2;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

impl Lane {
    pub(super) fn new(topic: Arc<str>, backlog: u64, quota: Option<Quota>) -> Arc<Self> {
        Arc::new(Self {
            topic,
            state: AtomicU8::new(CLOSED),
            opened: Notify::new(),
            breaker: Mutex::default(),
            held_up: AtomicBool::new(false),
            backlog: AtomicU64::new(backlog),
            appended: AtomicBool::new(backlog > 0),
            told: Mutex::default(),
            wake: Notify::new(),
            quota,
        })
    }

    pub(super) fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    pub(super) fn quota(&self) -> Option<&Quota> {
        self.quota.as_ref()
    }

    /// The topic is there.
    pub(super) fn open(&self) {
        self.state.store(OPEN, Ordering::Release);
        self.opened.notify_waiters();
        self.wake.notify_one();
    }

    /// Whether the topic is known to be there.
    pub(super) fn is_open(&self) -> bool {
        self.state.load(Ordering::Acquire) == OPEN
    }

    /// Has the topic made sure of, unless that is being done. The work outlives its caller.
    pub(super) fn start_opening(self: &Arc<Self>, sink: &Arc<dyn Sink>, runtime: &Handle) {
        if self.state.compare_exchange(CLOSED, OPENING, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            runtime.spawn(Arc::clone(self).prepare(Arc::clone(sink)));
        }
    }

    /// Waits until the lane is open.
    pub(super) async fn opened(self: &Arc<Self>, sink: &Arc<dyn Sink>, runtime: &Handle) {
        loop {
            // Registered before the state is read, so that no opening in between is missed.
            let opened = self.opened.notified();
            if self.is_open() {
                return;
            }
            self.start_opening(sink, runtime);
            opened.await;
        }
    }

    /// Tries until the topic is there.
    async fn prepare(self: Arc<Self>, sink: Arc<dyn Sink>) {
        let mut pause = FIRST_PAUSE;
        loop {
            let (lane, sink) = (Arc::clone(&self), Arc::clone(&sink));
            // A task of its own: a panic is one more failure.
            let failure = match tokio::spawn(async move { sink.prepare(&lane.topic).await }).await {
                Ok(Ok(())) => return self.open(),
                Ok(Err(failure)) => failure.to_string(),
                Err(panic) => panic.to_string(),
            };
            tracing::warn!(topic = %self.topic, failure, retry_in = ?pause, "topic not ready");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Whether the breaker is open.
    pub(super) fn is_held_up(&self) -> bool {
        self.held_up.load(Ordering::Acquire)
    }

    /// Whether a record may be sent now. While the breaker is open, each `true` is a try.
    pub(super) fn admits(&self) -> bool {
        !self.is_held_up() || self.breaker().admits(Instant::now(), jitter())
    }

    /// When a record may be tried next, while the breaker is open.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        if self.is_held_up() { self.breaker().retry_at() } else { None }
    }

    /// A record of this lane is not acknowledged in time, or failed.
    pub(super) fn failed(&self, why: &str) {
        let mut breaker = self.breaker();
        if breaker.failed(Instant::now(), jitter()) {
            self.held_up.store(true, Ordering::Release);
            tracing::warn!(topic = %self.topic, why, "lane held up");
        }
    }

    /// A delivery report came in.
    pub(super) fn heard(&self, result: Result<(), Failure>) {
        match result {
            // A broker that refuses a record answers as well as one that takes it.
            Ok(()) | Err(Failure::Unfit) if !self.is_held_up() => {}
            Ok(()) | Err(Failure::Unfit) => {
                let mut breaker = self.breaker();
                if breaker.acknowledged() {
                    self.held_up.store(false, Ordering::Release);
                    tracing::info!(topic = %self.topic, "lane goes on");
                }
                drop(breaker);
                self.wake.notify_one();
            }
            // That is about the record, not about the lane.
            Err(Failure::TooLarge) => {}
            Err(failure) => {
                if failure == Failure::UnknownTopic {
                    // The next record, or the drain, makes sure of it again.
                    let _ = self.state.compare_exchange(OPEN, CLOSED, Ordering::AcqRel, Ordering::Acquire);
                }
                self.failed(&failure.to_string());
            }
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        // The breaker is whole after each of its functions.
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that stand before a new one.
    pub(super) fn backlog(&self) -> u64 {
        self.backlog.load(Ordering::Acquire)
    }

    /// A record is on its way into the spool: from now on new ones line up behind it.
    pub(super) fn joins_backlog(&self) {
        self.backlog.fetch_add(1, Ordering::AcqRel);
    }

    /// So many records no longer stand before a new one.
    pub(super) fn leave_backlog(&self, records: u64) {
        let _ = self.backlog.fetch_update(Ordering::AcqRel, Ordering::Acquire, |backlog| {
            Some(backlog.saturating_sub(records))
        });
    }

    /// Rows of this lane were committed.
    pub(super) fn appended(&self) {
        self.appended.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Whether rows were committed since this was last asked.
    pub(super) fn take_appended(&self) -> bool {
        self.appended.swap(false, Ordering::AcqRel)
    }

    /// Tells the drain about a row.
    pub(super) fn tell(&self, told: Told) {
        self.told().push(told);
        self.wake.notify_one();
    }

    /// What the drain was told since this was last asked.
    pub(super) fn take_told(&self) -> Vec<Told> {
        std::mem::take(&mut *self.told())
    }

    fn told(&self) -> MutexGuard<'_, Vec<Told>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something to do for the drain. For one task.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }
}

/// A number from 0 to 1, different each time.
fn jitter() -> f64 {
    f64::from(RandomState::new().hash_one(0u8) as u32) / f64::from(u32::MAX)
}
