//! The one producer that all lanes share.

use super::{Config, Error, Topics, client};
use crate::delivery::{Failure, Report, Sink, TopicFailure};
use crate::record::Record;
use crate::telemetry::{Metrics, Readiness};
use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext, PurgeConfig};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long the poll thread sleeps at most before it looks whether it should end.
const POLL: Duration = Duration::from_millis(100);

/// Hands records to the client library and settles their reports as its delivery reports come in.
pub struct Producer {
    shared: Arc<Shared>,
    topics: Topics,
    poller: Option<JoinHandle<()>>,
}

struct Shared {
    inner: BaseProducer<Context>,
    stopping: AtomicBool,
}

impl Producer {
    /// A producer that connects by and by: no broker need be up.
    ///
    /// # Errors
    /// When the library refuses a property, or a thread cannot be started.
    pub fn start(config: &Config, readiness: &Arc<Readiness>, metrics: &Arc<Metrics>) -> Result<Self, Error> {
        let client = client::Context { readiness: Arc::clone(readiness) };
        let context = Context { client: client.clone(), metrics: Arc::clone(metrics) };
        let inner = BaseProducer::from_config_and_context(&client::producer(config), context)?;
        let shared = Arc::new(Shared { inner, stopping: AtomicBool::new(false) });
        let (polled, queued) = (Arc::clone(&shared), metrics.kafka_queue_records.clone());
        let poller = std::thread::Builder::new().name("kafka-reports".into()).spawn(move || {
            while !polled.stopping.load(Ordering::Acquire) {
                polled.inner.poll(POLL);
                queued.set(i64::from(polled.inner.in_flight_count()));
            }
        })?;
        let topics = Topics::new(config, client, Arc::clone(metrics))?;
        Ok(Self { shared, topics, poller: Some(poller) })
    }

    /// The topics that the cluster has.
    pub fn topics(&self) -> &Topics {
        &self.topics
    }

    /// Records handed over whose report is out.
    pub fn unreported(&self) -> usize {
        usize::try_from(self.shared.inner.in_flight_count()).unwrap_or(0)
    }

    /// Sends what is queued without lingering and waits for its reports, at most for `timeout`.
    /// Blocks. What is left is told by [`Producer::unreported`].
    pub fn flush(&self, timeout: Duration) {
        let _ = self.shared.inner.flush(timeout);
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        // Without this the library would wait for records that nobody waits for any more. Their
        // reports come as failures while the thread still polls.
        self.shared.inner.purge(PurgeConfig::default().queue().inflight());
        let _ = self.shared.inner.flush(POLL);
        self.shared.stopping.store(true, Ordering::Release);
        if let Some(poller) = self.poller.take() {
            let _ = poller.join();
        }
    }
}

impl Sink for Producer {
    fn send(&self, record: &Record, report: Report) -> Result<(), Failure> {
        let mut headers = OwnedHeaders::new_with_capacity(12);
        for (key, value) in record.headers.iter() {
            headers = headers.insert(Header { key, value: Some(value) });
        }
        let mut base = BaseRecord::with_opaque_to(&record.topic, Box::new(report))
            .payload(&record.value[..])
            .timestamp(record.timestamp)
            .headers(headers);
        if let Some(key) = &record.key {
            base = base.key(&key[..]);
        }
        self.shared.inner.send(base).map_err(|(error, unsent)| {
            let failure = failure(&error);
            self.shared.inner.context().metrics.delivery_error(failure.tag());
            unsent.delivery_opaque.settle(Err(failure));
            failure
        })
    }

    fn prepare<'a>(
        &'a self,
        topic: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<(), TopicFailure>> + Send + 'a>> {
        Box::pin(self.topics.ensure(topic))
    }
}

/// Where the library's callbacks of the producer end.
struct Context {
    client: client::Context,
    metrics: Arc<Metrics>,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.client.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.client.error(error, reason);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.client.generate_oauth_token(config)
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Box<Report>;

    fn delivery(&self, result: &DeliveryResult<'_>, report: Box<Report>) {
        // A panic here would leave every later report of the batch unsettled and end the poll thread.
        let settled = catch_unwind(AssertUnwindSafe(|| match result {
            Ok(_) => {
                self.client.readiness.kafka_acknowledged();
                report.settle(Ok(()));
            }
            Err((error, _)) => {
                let failure = failure(error);
                self.metrics.delivery_error(failure.tag());
                tracing::debug!(%error, "a record was not acknowledged");
                report.settle(Err(failure));
            }
        }));
        if settled.is_err() {
            tracing::error!("a delivery report could not be settled: this is a bug");
        }
    }
}

/// What an error of the library means for the record. Short on purpose: anything not listed is
/// refused, and so tried again.
fn failure(error: &KafkaError) -> Failure {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::QueueFull) => Failure::QueueFull,
        Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition) => {
            Failure::UnknownTopic
        }
        Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight) => Failure::Abandoned,
        _ => Failure::Other,
    }
}
