//! Producer that all lanes share.
//!
//! [`ActiveClient`] has the current client and refuses records during a replacement. [`client_instance`] adds
//! reports and fault detection to [`ffi`]. The [`supervisor`] replaces a failed client.

mod active_client;
mod client_instance;
mod context;
mod delivery_reports;
mod ffi;
mod linger_bypass;
mod stall_detector;
mod statistics;
mod supervisor;

#[cfg(test)]
mod tests;

use super::client_context::ErrorLogContext;
use super::{Config, Error, TopicProvisioner, client_config};
use crate::delivery::{Report, Sink, TopicFailure};
use crate::health::Readiness;
use crate::record::Record;
use crate::telemetry::Metrics;
use active_client::ActiveClient;
use client_instance::{ClientFactory, PollFn};
use ffi::FfiProducer;
use rdkafka::config::ClientConfig;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use supervisor::Supervisor;

const POLL_TIMEOUT: Duration = Duration::from_millis(100);

/// Applies while brokers answer. Longer than librdkafka needs to notice a broken connection and to reconnect.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct Producer {
    active: Arc<ActiveClient>,
    metrics: Arc<Metrics>,
    topics: TopicProvisioner,
    limits: QueueLimits,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueueLimits {
    pub records: usize,
    /// Without keys and headers.
    pub bytes: usize,
}

impl Producer {
    pub(crate) fn start(
        config: &Config,
        readiness: &Arc<Readiness>,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, Error> {
        Self::start_polled(config, readiness, metrics, FfiProducer::poll, STALL_TIMEOUT)
    }

    fn start_polled(
        config: &Config,
        readiness: &Arc<Readiness>,
        metrics: &Arc<Metrics>,
        poll: PollFn,
        stall_timeout: Duration,
    ) -> Result<Self, Error> {
        let context = ErrorLogContext::new(Arc::clone(readiness));
        let settings = client_config::producer(config);
        let limits = QueueLimits::of(&settings);
        let topics = TopicProvisioner::new(config, Arc::clone(metrics))?;
        let admin = topics.admin().clone();
        let factory = ClientFactory {
            settings,
            client: context,
            metrics: Arc::clone(metrics),
            admin,
            poll,
            stall_timeout,
        };
        let active = Arc::new(ActiveClient::new(factory.make()?));
        let metrics = Arc::clone(metrics);
        let mut producer = Self { active: Arc::clone(&active), metrics, topics, limits, threads: Vec::new() };
        let supervisor = Supervisor::new(Arc::clone(&active), factory);
        producer.spawn("kafka-reports", move || supervisor.run())?;
        producer.spawn("kafka-hurry", move || active.run_linger_bypass())?;
        Ok(producer)
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        self.threads.push(std::thread::Builder::new().name(name.into()).spawn(work)?);
        Ok(())
    }

    pub(crate) fn topics(&self) -> &TopicProvisioner {
        &self.topics
    }

    /// Includes records of a client that is being replaced.
    pub(crate) fn unreported(&self) -> usize {
        self.active.unreported()
    }

    pub(crate) fn queue_limits(&self) -> QueueLimits {
        self.limits
    }

    /// Sends queued records without lingering and waits for their reports. Blocks.
    pub(crate) fn flush(&self, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        // In slices, because the client may be replaced meanwhile.
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.active.instance() {
                Some(instance) if instance.unreported() > 0 => instance.flush(left.min(POLL_TIMEOUT)),
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
        self.active.stop();
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

impl Sink for Producer {
    fn send(&self, record: &Record, partition: Option<u32>, report: Report) {
        if let Err((failure, report)) = self.active.send(record, partition, report) {
            self.metrics.delivery_error(failure.tag());
            report.settle(Err(failure));
        }
    }

    fn prepare<'a>(
        &'a self,
        topic: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<u32, TopicFailure>> + Send + 'a>> {
        Box::pin(async move {
            let partitions = self.topics.ensure(topic).await?;
            Ok(self.active.partitions(topic).await.unwrap_or(partitions))
        })
    }
}

impl QueueLimits {
    /// 0 means no limit. librdkafka rejects values that are not numbers.
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
