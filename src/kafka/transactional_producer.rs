//! Transactional producer: its records become visible together, or not at all. A new producer with the same
//! transactional id aborts the open transaction of earlier ones, which then commit nothing more.

mod attempt;

use super::client_context::ErrorLogContext;
use super::tail::is_hidden_from;
use super::{Config, Error, TopicProvisioner, client_config};
use crate::delivery::TopicFailure;
use crate::health::Readiness;
use crate::record::{Headers, Record};
use crate::telemetry::Metrics;
use attempt::{ErrorAction, TransactionAttempt, TransactionContext, classify};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::KafkaError;
use rdkafka::producer::{Producer as _, ThreadedProducer};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

/// Milliseconds until the cluster aborts a dead producer's transaction, which blocks consumers of committed
/// records.
const TRANSACTION_TIMEOUT_MS: &str = "30000";

/// Milliseconds; less than [`TRANSACTION_TIMEOUT_MS`].
const RECORD_TIMEOUT_MS: &str = "25000";

/// Time for one call, before the caller decides whether to retry.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);

const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// Record without key and value, for a given partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Marker {
    pub topic: Arc<str>,
    pub partition: i32,
    pub headers: Headers,
    /// Milliseconds since 1970.
    pub timestamp: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CommitError {
    #[error("another process has taken over the transactional id, and commits the rest")]
    Fenced,
    /// The last transaction may have been committed; a restart finds out.
    #[error("stopped while Kafka did not answer")]
    Stopped,
    #[error("Kafka refuses a record: {0}")]
    Refused(String),
    /// A right is missing, or the client failed permanently.
    #[error("{0}")]
    Failed(String),
}

/// Called before each retry, with the reason. `false` stops.
pub(crate) type ShouldRetry<'a> = &'a mut dyn FnMut(&str) -> bool;

/// Calls block.
pub(crate) struct TransactionalProducer {
    producer: ThreadedProducer<TransactionContext>,
    topics: TopicProvisioner,
    config: Config,
}

impl TransactionalProducer {
    /// On return, earlier transactions of this id are complete, and their producers commit nothing more.
    pub(crate) fn take_over(
        config: &Config,
        id: &str,
        should_retry: ShouldRetry<'_>,
    ) -> Result<Self, CommitError> {
        let failed = |error: Error| CommitError::Failed(error.to_string());
        let mut settings = client_config::producer(config);
        settings.set("transactional.id", id);
        settings
            .set("transaction.timeout.ms", TRANSACTION_TIMEOUT_MS)
            .set("message.timeout.ms", RECORD_TIMEOUT_MS);
        let context = TransactionContext::new(ErrorLogContext::new(Arc::new(Readiness::default())));
        let topics = TopicProvisioner::new(config, Arc::new(Metrics::new())).map_err(failed)?;
        let producer = ThreadedProducer::from_config_and_context(&settings, context)
            .map_err(|error| failed(error.into()))?;
        let this = Self { producer, topics, config: config.clone() };
        this.repeat(should_retry, || this.producer.init_transactions(CALL_TIMEOUT)).map_err(|action| {
            match action {
                ErrorAction::Fail(why) => why,
                ErrorAction::Abort(reason) | ErrorAction::Restamp(reason) | ErrorAction::Retry(reason) => {
                    CommitError::Failed(reason)
                }
            }
        })?;
        Ok(this)
    }

    /// Creates the topic if the settings allow it.
    pub(crate) async fn ensure(&self, topic: &str) -> Result<(), TopicFailure> {
        self.topics.ensure(topic).await.map(drop)
    }

    pub(crate) fn is_hidden(&self, topic: &str) -> Result<bool, Error> {
        is_hidden_from(&self.config, topic)
    }

    /// Writes records, in order, and markers in one transaction. On an error, nothing was committed.
    pub(crate) fn commit(
        &self,
        records: &[Record],
        markers: &[Marker],
        should_retry: ShouldRetry<'_>,
    ) -> Result<(), CommitError> {
        let mut is_restamped = false;
        loop {
            let attempt = TransactionAttempt { producer: &self.producer, records, markers, is_restamped };
            let sent = attempt.send(should_retry);
            let ended = sent
                .and_then(|()| self.repeat(should_retry, || self.producer.commit_transaction(CALL_TIMEOUT)));
            let ended = match ended {
                Err(ErrorAction::Restamp(why)) if is_restamped => {
                    Err(ErrorAction::Fail(CommitError::Refused(why)))
                }
                ended => ended,
            };
            let reason = match ended {
                Ok(()) => return Ok(()),
                Err(ErrorAction::Restamp(_)) => {
                    is_restamped = true;
                    self.abort(should_retry)?;
                    continue;
                }
                Err(ErrorAction::Fail(why @ CommitError::Refused(_))) => {
                    self.abort(should_retry)?;
                    return Err(why);
                }
                Err(ErrorAction::Fail(why)) => return Err(why),
                Err(ErrorAction::Abort(reason) | ErrorAction::Retry(reason)) => reason,
            };
            self.abort(should_retry)?;
            if !should_retry(&reason) {
                return Err(CommitError::Stopped);
            }
            sleep(RETRY_INTERVAL);
        }
    }

    fn abort(&self, should_retry: ShouldRetry<'_>) -> Result<(), CommitError> {
        match self.repeat(should_retry, || self.producer.abort_transaction(CALL_TIMEOUT)) {
            Err(ErrorAction::Fail(why)) => Err(why),
            Ok(()) | Err(ErrorAction::Abort(_) | ErrorAction::Restamp(_) | ErrorAction::Retry(_)) => Ok(()),
        }
    }

    fn repeat(
        &self,
        should_retry: ShouldRetry<'_>,
        mut call: impl FnMut() -> Result<(), KafkaError>,
    ) -> Result<(), ErrorAction> {
        loop {
            let Err(error) = call() else { return Ok(()) };
            match classify(&error) {
                ErrorAction::Retry(reason) if should_retry(&reason) => sleep(RETRY_INTERVAL),
                ErrorAction::Retry(_) => return Err(ErrorAction::Fail(CommitError::Stopped)),
                action => return Err(action),
            }
        }
    }
}
