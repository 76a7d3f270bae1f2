//! The one producer that all lanes share.
//!
//! Behind it stands one client of the library after the other: a client that fails for good is
//! replaced, see [`keeper`]. Nobody but the log, a counter and [`Failure::Replacing`] tells of it.

mod generation;
mod hurry;
mod keeper;
mod native;
mod reports;
mod silence;
mod statistics;

#[cfg(test)]
mod tests;

use super::{Config, Error, Topics, client};
use crate::delivery::{Report, Sink, TopicFailure};
use crate::health::Readiness;
use crate::record::Record;
use crate::telemetry::Metrics;
use generation::{Maker, Poll};
use keeper::{Keeper, Post};
use native::Native;
use rdkafka::config::ClientConfig;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a thread at most waits for the library before it looks up.
const SLICE: Duration = Duration::from_millis(100);

/// How long brokers must have answered while nothing is reported of what is out, before the client is
/// replaced. Longer than the library takes to notice a broken connection and to make another.
const SILENCE: Duration = Duration::from_secs(30);

/// Hands records to the client library and settles their reports as it hears of them.
pub struct Producer {
    post: Arc<Post>,
    metrics: Arc<Metrics>,
    topics: Topics,
    limits: QueueLimits,
    threads: Vec<JoinHandle<()>>,
}

/// What the library's queue takes before it refuses a record as [`Failure::QueueFull`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Records whose report is out.
    pub records: usize,
    /// Bytes of their values; keys and headers are not counted.
    pub bytes: usize,
}

impl Producer {
    /// A producer that connects by and by: no broker need be up.
    ///
    /// # Errors
    /// When the library refuses a property, or a thread cannot be started.
    pub fn start(config: &Config, readiness: &Arc<Readiness>, metrics: &Arc<Metrics>) -> Result<Self, Error> {
        Self::start_polled(config, readiness, metrics, Native::poll, SILENCE)
    }

    fn start_polled(
        config: &Config,
        readiness: &Arc<Readiness>,
        metrics: &Arc<Metrics>,
        poll: Poll,
        patience: Duration,
    ) -> Result<Self, Error> {
        let context = client::Context::new(Arc::clone(readiness));
        let settings = client::producer(config);
        let limits = QueueLimits::of(&settings);
        let topics = Topics::new(config, Arc::clone(metrics))?;
        let admin = topics.admin().clone();
        let maker = Maker { settings, client: context, metrics: Arc::clone(metrics), admin, poll, patience };
        let post = Arc::new(Post::new(maker.make()?));
        let metrics = Arc::clone(metrics);
        let mut producer = Self { post: Arc::clone(&post), metrics, topics, limits, threads: Vec::new() };
        let keeper = Keeper::new(Arc::clone(&post), maker);
        producer.spawn("kafka-reports", move || keeper.run())?;
        producer.spawn("kafka-hurry", move || post.keep_hurrying())?;
        Ok(producer)
    }

    /// Joined when the producer is dropped.
    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        self.threads.push(std::thread::Builder::new().name(name.into()).spawn(work)?);
        Ok(())
    }

    /// The topics that the cluster has.
    pub fn topics(&self) -> &Topics {
        &self.topics
    }

    /// Records handed over whose report is out, to a client that is being replaced as well.
    pub fn unreported(&self) -> usize {
        self.post.unreported()
    }

    /// How often a client of the library was replaced by a new one.
    pub fn replacements(&self) -> u64 {
        self.post.replacements()
    }

    /// The limits of the library's queue, as the properties set them.
    pub fn queue_limits(&self) -> QueueLimits {
        self.limits
    }

    /// Sends what is queued without lingering and waits for its reports, at most for `timeout`.
    /// Blocks. What is left is told by [`Producer::unreported`].
    pub fn flush(&self, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        // In slices, for the client may be replaced meanwhile.
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.post.generation() {
                Some(generation) if generation.unreported() > 0 => generation.flush(left.min(SLICE)),
                _ => return,
            }
            if left.is_zero() {
                return;
            }
        }
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.post.stop();
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

impl Sink for Producer {
    fn send(&self, record: &Record, partition: Option<u32>, report: Report) {
        if let Err((failure, report)) = self.post.send(record, partition, report) {
            self.metrics.delivery_error(failure.tag());
            report.settle(Err(failure));
        }
    }

    fn prepare<'a>(
        &'a self,
        topic: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<u32, TopicFailure>> + Send + 'a>> {
        Box::pin(self.topics.ensure(topic))
    }
}

impl QueueLimits {
    /// The library refuses a property that is no number, so that only 0 needs thought: no limit.
    fn of(settings: &ClientConfig) -> Self {
        let limit = |name: &str, unit: usize| {
            let set = settings.get(name).and_then(|value| value.trim().parse::<usize>().ok());
            set.filter(|number| *number > 0).map_or(usize::MAX, |number| number.saturating_mul(unit))
        };
        Self {
            records: limit("queue.buffering.max.messages", 1),
            bytes: limit("queue.buffering.max.kbytes", 1024),
        }
    }
}
