//! The thread that serves the library's client and replaces it when it fails for good.
//!
//! A replacement in order: nothing more is handed over; what was is given up, and may be in Kafka
//! already; every report is awaited; the client is dropped; after a pause a new one is made.

use super::SLICE;
use super::generation::{Fault, Generation, Maker};
use crate::backoff::{Backoff, jitter};
use crate::delivery::{Failure, Report};
use crate::record::Record;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// How long a client that is given up may take over its last reports. They wait for no broker, only
/// for the library's own threads.
const LAST_REPORTS: Duration = Duration::from_secs(10);

/// The same at the end of the process, when nobody waits for them.
const LAST_REPORTS_AT_STOP: Duration = Duration::from_millis(500);

/// Waits between tries to create a client.
const MIN_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(10);

/// Where senders find the generation that is on duty.
pub(super) struct Post {
    duty: RwLock<Duty>,
    stopping: AtomicBool,
    replacements: AtomicU64,
    /// The thread that hurries, which must not be one of those that answer.
    hurrying: OnceLock<Thread>,
}

struct Duty {
    /// `None` between two generations.
    generation: Option<Arc<Generation>>,
    /// Whether records are handed over to it.
    takes: bool,
}

impl Post {
    pub(super) fn new(generation: Generation) -> Self {
        Self {
            duty: RwLock::new(Duty { generation: Some(Arc::new(generation)), takes: true }),
            stopping: AtomicBool::new(false),
            replacements: AtomicU64::new(0),
            hurrying: OnceLock::new(),
        }
    }

    /// Hands a record over. The lock is held meanwhile, so that nothing slips into a generation that
    /// is given up; it is free again when the caller settles the report that it gets back.
    pub(super) fn send(
        &self,
        record: &Record,
        partition: Option<u32>,
        report: Report,
    ) -> Result<(), (Failure, Report)> {
        let duty = self.duty.read().unwrap_or_else(PoisonError::into_inner);
        let is_calm = match &duty.generation {
            Some(generation) if duty.takes => generation.send(record, partition, report)?,
            _ => return Err((Failure::Replacing, report)),
        };
        if is_calm && let Some(thread) = self.hurrying.get() {
            thread.unpark();
        }
        Ok(())
    }

    /// Hurries where a record was sent while it is calm, until it is told to stop.
    pub(super) fn keep_hurrying(&self) {
        let _ = self.hurrying.set(std::thread::current());
        while !self.stopping() {
            // Returns at once where a record came since.
            std::thread::park();
            if let Some(generation) = self.generation() {
                generation.hurry();
            }
        }
    }

    pub(super) fn unreported(&self) -> usize {
        let duty = self.duty.read().unwrap_or_else(PoisonError::into_inner);
        duty.generation.as_ref().map_or(0, |generation| generation.unreported())
    }

    /// The last holder drops the generation, which blocks: not for the runtime's threads.
    pub(super) fn generation(&self) -> Option<Arc<Generation>> {
        self.duty.read().unwrap_or_else(PoisonError::into_inner).generation.clone()
    }

    pub(super) fn replacements(&self) -> u64 {
        self.replacements.load(Ordering::Relaxed)
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// From its return on nothing is handed over.
    fn close(&self) {
        self.duty.write().unwrap_or_else(PoisonError::into_inner).takes = false;
    }

    fn change(&self, generation: Option<Arc<Generation>>) {
        let takes = generation.is_some();
        let mut duty = self.duty.write().unwrap_or_else(PoisonError::into_inner);
        let former = std::mem::replace(&mut *duty, Duty { generation, takes });
        drop(duty);
        // Senders need not wait until it is gone.
        drop(former);
    }
}

/// The thread's work.
pub(super) struct Keeper {
    post: Arc<Post>,
    maker: Maker,
    backoff: Backoff,
    /// Tag of the last fault.
    reason: &'static str,
}

impl Keeper {
    pub(super) fn new(post: Arc<Post>, maker: Maker) -> Self {
        Self { post, maker, backoff: Backoff::new(MIN_BACKOFF, MAX_BACKOFF), reason: "" }
    }

    /// Works until the post is told to stop.
    pub(super) fn run(mut self) {
        while !self.post.stopping() {
            match self.post.generation() {
                Some(generation) => self.serve(&generation),
                None => self.replace(),
            }
        }
        // Without this the library would wait for records that nobody waits for any more.
        self.retire(LAST_REPORTS_AT_STOP);
    }

    fn serve(&mut self, generation: &Generation) {
        let fault = generation.serve(SLICE);
        self.maker
            .metrics
            .kafka_queue_records
            .set(i64::try_from(generation.unreported()).unwrap_or(i64::MAX));
        if generation.acknowledged() {
            self.backoff.reset();
        }
        if let Some(fault) = fault {
            self.warn(&fault, generation.unreported());
            self.reason = fault.tag();
            self.retire(LAST_REPORTS);
        }
    }

    fn warn(&self, fault: &Fault, unreported: usize) {
        tracing::warn!(reason = %fault, unreported, "the producer is being replaced");
    }

    /// Gives the generation on duty up, with all its records.
    fn retire(&self, timeout: Duration) {
        self.post.close();
        let Some(generation) = self.post.generation() else { return };
        let left = generation.abandon(timeout);
        if left > 0 {
            tracing::warn!(left, "the producer that is given up did not report in time");
        }
        self.post.change(None);
        self.maker.metrics.kafka_queue_records.set(0);
    }

    /// Tries once to make a new generation, after a pause.
    fn replace(&mut self) {
        let wait = self.backoff.next_jittered(jitter());
        self.sleep(wait);
        if self.post.stopping() {
            return;
        }
        match self.maker.make() {
            Ok(generation) => {
                self.post.change(Some(Arc::new(generation)));
                self.maker.metrics.producer_replaced(self.reason);
                let replacements = self.post.replacements.fetch_add(1, Ordering::Relaxed) + 1;
                tracing::warn!(replacements, waited = ?wait, "the producer was replaced");
            }
            Err(error) => tracing::warn!(%error, "cannot make a new producer yet"),
        }
    }

    /// Sleeps, but not beyond the order to stop.
    fn sleep(&self, wait: Duration) {
        let deadline = Instant::now() + wait;
        while !self.post.stopping() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::park_timeout(left);
        }
    }
}

#[cfg(test)]
mod tests;
