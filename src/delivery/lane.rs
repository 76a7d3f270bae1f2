//! One topic's ordered way to Kafka.

use super::Sink;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Notify;

/// A lane is open while its topic is known to be there.
pub(super) struct Lane {
    topic: Arc<str>,
    state: AtomicU8,
    opened: Notify,
}

const CLOSED: u8 = 0;
/// Closed, and a task is making sure of the topic.
const OPENING: u8 = 1;
const OPEN: u8 = 2;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

impl Lane {
    pub(super) fn new(topic: Arc<str>) -> Arc<Self> {
        Arc::new(Self { topic, state: AtomicU8::new(CLOSED), opened: Notify::new() })
    }

    /// The topic is there.
    pub(super) fn open(&self) {
        self.state.store(OPEN, Ordering::Release);
        self.opened.notify_waiters();
    }

    /// The topic is gone; the next record makes sure of it again.
    pub(super) fn close(&self) {
        let _ = self.state.compare_exchange(OPEN, CLOSED, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Whether the topic is known to be there.
    pub(super) fn is_open(&self) -> bool {
        self.state.load(Ordering::Acquire) == OPEN
    }

    /// Waits until the lane is open. The first to wait starts the work, which goes on without it.
    pub(super) async fn opened(self: &Arc<Self>, sink: &Arc<dyn Sink>, runtime: &Handle) {
        loop {
            // Registered before the state is read, so that no opening in between is missed.
            let opened = self.opened.notified();
            if self.is_open() {
                return;
            }
            if self.state.compare_exchange(CLOSED, OPENING, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                runtime.spawn(Arc::clone(self).prepare(Arc::clone(sink)));
            }
            opened.await;
        }
    }

    /// Tries until the topic is there.
    async fn prepare(self: Arc<Self>, sink: Arc<dyn Sink>) {
        let mut pause = FIRST_PAUSE;
        while let Err(failure) = sink.prepare(&self.topic).await {
            tracing::warn!(topic = %self.topic, %failure, retry_in = ?pause, "topic not ready");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self.open();
    }
}
