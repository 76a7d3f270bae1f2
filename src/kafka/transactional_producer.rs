//! Records that become visible together, or not at all.
//!
//! Whoever begins with the same transactional id later fences those before: their open transaction is
//! undone, what they committed is there for every reader, and they commit nothing more.

mod attempt;

use super::client_context::ErrorLogContext;
use super::tail::is_hidden_from;
use super::{Config, Error, TopicProvisioner, client_config};
use crate::delivery::TopicFailure;
use crate::record::{Headers, Record};
use crate::telemetry::{Metrics, Readiness};
use attempt::{ErrorAction, TransactionAttempt, TransactionContext, classify};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::KafkaError;
use rdkafka::producer::{Producer as _, ThreadedProducer};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

/// After this long the cluster undoes a transaction whose writer is gone. Until then those who read
/// what is committed wait behind it.
const TRANSACTION_TIMEOUT_MS: &str = "30000";

/// For so long a record may be on its way: less than its transaction may last.
const RECORD_TIMEOUT_MS: &str = "25000";

/// How long one call of the library may take before the caller is asked whether to go on.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);

const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// A record without key and value, for a partition that is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition, which must be there.
    pub partition: i32,
    /// What it says.
    pub headers: Headers,
    /// Milliseconds since 1970.
    pub timestamp: i64,
}

/// Why nothing was committed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// Another one began with the same transactional id.
    #[error("another one has taken over, and commits what is left")]
    Fenced,
    /// The caller did not want to wait longer. Of the last transaction it is not known whether it was
    /// committed; who begins anew finds out.
    #[error("stopped while Kafka did not answer")]
    Stopped,
    /// Kafka takes one of the records for good not.
    #[error("Kafka refuses a record: {0}")]
    Refused(String),
    /// Kafka forbids it, or the client failed for good.
    #[error("{0}")]
    Failed(String),
}

/// Asked again and again while Kafka lets wait, with the reason; `false` ends it.
pub type ShouldRetry<'a> = &'a mut dyn FnMut(&str) -> bool;

/// A producer of transactions. Its calls block.
pub struct TransactionalProducer {
    producer: ThreadedProducer<TransactionContext>,
    topics: TopicProvisioner,
    config: Config,
}

impl TransactionalProducer {
    /// Takes the transactional id over: what others with this id committed is complete when this returns,
    /// and they commit nothing from now on.
    ///
    /// # Errors
    /// When the user may not use the id, or `should_retry` says so.
    pub fn take_over(config: &Config, id: &str, should_retry: ShouldRetry<'_>) -> Result<Self, CommitError> {
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
                ErrorAction::Abort(reason) | ErrorAction::Retry(reason) => CommitError::Failed(reason),
            }
        })?;
        Ok(this)
    }

    /// Makes sure that a topic is there, creating it where the settings allow that.
    ///
    /// # Errors
    /// When it is not.
    pub async fn ensure(&self, topic: &str) -> Result<(), TopicFailure> {
        self.topics.ensure(topic).await.map(drop)
    }

    /// Whether somebody else's open transaction hides the end of a topic.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub fn is_hidden(&self, topic: &str) -> Result<bool, Error> {
        is_hidden_from(&self.config, topic)
    }

    /// Writes all records, in this order, and all markers in one transaction. Tries again for as long as
    /// Kafka cannot, and `should_retry` says so.
    ///
    /// # Errors
    /// When nothing was committed.
    pub fn commit(
        &self,
        records: &[Record],
        markers: &[Marker],
        should_retry: ShouldRetry<'_>,
    ) -> Result<(), CommitError> {
        loop {
            let attempt = TransactionAttempt { producer: &self.producer, records, markers };
            let sent = attempt.send(should_retry);
            let ended = sent
                .and_then(|()| self.repeat(should_retry, || self.producer.commit_transaction(CALL_TIMEOUT)));
            let reason = match ended {
                Ok(()) => return Ok(()),
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
            // There was none to abort.
            Ok(()) | Err(ErrorAction::Abort(_) | ErrorAction::Retry(_)) => Ok(()),
        }
    }

    /// Calls the library until it has done what it was asked for, or says that it never will.
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
