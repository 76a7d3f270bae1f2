//! One event on its way: how many reports are out, and who waits for the last.

use super::Failure;
use super::lane::Lane;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::Notify;

/// How an event ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Every record is acknowledged.
    Durable,
    /// At least one is not; this is the first failure.
    Failed(Failure),
}

/// Told once how an event ended, from any thread. Holds what the event was admitted under.
pub trait Settle: Send {
    /// The last report is in.
    fn settle(self: Box<Self>, settled: Settled);
}

/// An event whose reports are not all in.
pub(super) struct Pending {
    /// Reports that are out.
    left: AtomicUsize,
    /// The first failure among those that are in.
    failure: OnceLock<Failure>,
    /// Taken by the last report.
    settle: Mutex<Option<Box<dyn Settle>>>,
    /// Wakes the one task that waits in [`Pending::settled`].
    ended: Notify,
}

impl Pending {
    pub(super) fn new(settle: Box<dyn Settle>) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicUsize::new(0),
            failure: OnceLock::new(),
            settle: Mutex::new(Some(settle)),
            ended: Notify::new(),
        })
    }

    /// One more report to wait for. The caller holds an unsettled one while it asks for more, or the
    /// event would settle in between.
    pub(super) fn report(self: &Arc<Self>, lane: Option<Arc<Lane>>) -> Report {
        self.left.fetch_add(1, Ordering::Relaxed);
        Report { pending: Some(Arc::clone(self)), lane }
    }

    /// Waits for the last report. For one task.
    pub(super) async fn settled(&self) -> Settled {
        self.ended.notified().await;
        self.outcome()
    }

    fn outcome(&self) -> Settled {
        self.failure.get().map_or(Settled::Durable, |failure| Settled::Failed(*failure))
    }

    fn report_in(&self, result: Result<(), Failure>) {
        if let Err(failure) = result {
            let _ = self.failure.set(failure);
        }
        // Release and acquire make the failures of all reports visible to the last one.
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            let settle = self.settle.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(settle) = settle {
                settle.settle(self.outcome());
            }
            self.ended.notify_one();
        }
    }
}

/// The duty to say how one record ended. Dropping it says [`Failure::Abandoned`].
pub struct Report {
    pending: Option<Arc<Pending>>,
    lane: Option<Arc<Lane>>,
}

impl Report {
    /// Says how the record ended.
    pub fn settle(mut self, result: Result<(), Failure>) {
        self.finish(result);
    }

    fn finish(&mut self, result: Result<(), Failure>) {
        let Some(pending) = self.pending.take() else { return };
        if let (Err(Failure::UnknownTopic), Some(lane)) = (result, &self.lane) {
            lane.close();
        }
        pending.report_in(result);
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        self.finish(Err(Failure::Abandoned));
    }
}
