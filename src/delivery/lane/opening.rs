//! Opening of a lane: its topic exists, and its number of partitions is known.

use super::Lane;
use crate::backoff::Backoff;
use crate::delivery::Sink;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::runtime::Handle;

pub(super) const CLOSED: u8 = 0;
const OPENING: u8 = 1;
pub(super) const OPEN: u8 = 2;

const MIN_COUNT_INTERVAL: Duration = Duration::from_secs(10);

const MIN_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(10);

impl Lane {
    /// Opens the lane of an existing topic. `partitions` 0: unknown.
    pub(in crate::delivery) fn open(&self, partitions: u32) {
        self.partitions.store(partitions, Ordering::Release);
        self.state.store(OPEN, Ordering::Release);
        self.opened.notify_waiters();
        self.wake.notify_one();
    }

    /// Returns 0 if unknown.
    pub(in crate::delivery) fn partitions(&self) -> u32 {
        self.partitions.load(Ordering::Acquire)
    }

    /// Starts a count of the partitions, because a topic can grow.
    pub(in crate::delivery) fn start_counting(self: &Arc<Self>, sink: &Arc<dyn Sink>, runtime: &Handle) {
        if self.is_counting.swap(true, Ordering::AcqRel) {
            return;
        }
        let (lane, sink) = (Arc::clone(self), Arc::clone(sink));
        runtime.spawn(async move {
            // 0 is unknown, and must not replace a known number.
            let counted = Arc::clone(&lane);
            // In a task, so that a panic is a failure like others.
            let counted = tokio::spawn(async move { sink.prepare(&counted.topic).await }).await;
            if let Ok(Ok(partitions @ 1..)) = counted {
                lane.partitions.store(partitions, Ordering::Release);
                lane.wake.notify_one();
            }
            tokio::time::sleep(MIN_COUNT_INTERVAL).await;
            lane.is_counting.store(false, Ordering::Release);
        });
    }

    pub(in crate::delivery) fn is_open(&self) -> bool {
        self.state.load(Ordering::Acquire) == OPEN
    }

    /// Starts a check of the topic, which outlives its caller, unless one is running.
    pub(in crate::delivery) fn start_opening(self: &Arc<Self>, sink: &Arc<dyn Sink>, runtime: &Handle) {
        if self.state.compare_exchange(CLOSED, OPENING, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            runtime.spawn(Arc::clone(self).prepare(Arc::clone(sink)));
        }
    }

    pub(in crate::delivery) async fn opened(self: &Arc<Self>, sink: &Arc<dyn Sink>, runtime: &Handle) {
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

    /// Tries until the topic exists.
    async fn prepare(self: Arc<Self>, sink: Arc<dyn Sink>) {
        let mut backoff = Backoff::new(MIN_BACKOFF, MAX_BACKOFF);
        loop {
            let (lane, sink) = (Arc::clone(&self), Arc::clone(&sink));
            // In a task, so that a panic is a failure like others.
            let failure = match tokio::spawn(async move { sink.prepare(&lane.topic).await }).await {
                Ok(Ok(partitions)) => return self.open(partitions),
                Ok(Err(failure)) => failure.to_string(),
                Err(panic) => panic.to_string(),
            };
            let wait = backoff.next();
            tracing::warn!(topic = %self.topic, failure, retry_in = ?wait, "topic not ready");
            tokio::time::sleep(wait).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{Report, TopicFailure};
    use crate::record::Record;
    use crate::spool::RowId;
    use std::future::{Future, ready};
    use std::pin::Pin;
    use std::sync::atomic::AtomicU32;

    struct Counted(u32, AtomicU32);

    impl Sink for Counted {
        fn send(&self, _: &Record, _: Option<u32>, _: Report) {}

        fn prepare<'a>(
            &'a self,
            _: &'a str,
        ) -> Pin<Box<dyn Future<Output = Result<u32, TopicFailure>> + Send + 'a>> {
            self.1.fetch_add(1, Ordering::Relaxed);
            Box::pin(ready(Ok(self.0)))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn unknown_number_of_partitions_replaces_no_known_one() {
        for (counted, known) in [(0, 3), (5, 5)] {
            let lane = Lane::new(Arc::from("a"), 0, RowId(0), None, Default::default());
            lane.open(3);
            let counter = Arc::new(Counted(counted, AtomicU32::new(0)));
            let sink: Arc<dyn Sink> = Arc::clone(&counter) as _;
            lane.start_counting(&sink, &Handle::current());
            lane.start_counting(&sink, &Handle::current());
            tokio::time::sleep(MIN_COUNT_INTERVAL / 2).await;
            assert_eq!((lane.partitions(), counter.1.load(Ordering::Relaxed)), (known, 1));
        }
    }
}
