//! Records that become visible together, or not at all.
//!
//! Whoever begins with the same transactional id later fences those before: their open transaction is
//! undone, what they committed is there for every reader, and they commit nothing more.

mod attempt;

use super::tail::is_hidden_from;
use super::{Config, Error, Topics, client};
use crate::delivery::TopicFailure;
use crate::health::Readiness;
use crate::record::{Headers, Record};
use crate::telemetry::Metrics;
use attempt::{Attempt, Context, Verdict, judge};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::KafkaError;
use rdkafka::producer::{Producer as _, ThreadedProducer};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

/// After this long the cluster undoes a transaction whose writer is gone. Until then those who read
/// what is committed wait behind it.
const TIMEOUT_MS: &str = "30000";

/// For so long a record may be on its way: less than its transaction may last.
const RECORD_TIMEOUT_MS: &str = "25000";

/// How long one call of the library may take before the caller is asked whether to go on.
const SLICE: Duration = Duration::from_secs(2);

const PAUSE: Duration = Duration::from_millis(500);

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
pub enum NotCommitted {
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
pub type KeepOn<'a> = &'a mut dyn FnMut(&str) -> bool;

/// A producer of transactions. Its calls block.
pub struct Transactions {
    producer: ThreadedProducer<Context>,
    topics: Topics,
    config: Config,
}

impl Transactions {
    /// Takes the transactional id over: what others with this id committed is complete when this returns,
    /// and they commit nothing from now on.
    ///
    /// # Errors
    /// When the user may not use the id, or `keep_on` says so.
    pub fn take_over(config: &Config, id: &str, keep_on: KeepOn<'_>) -> Result<Self, NotCommitted> {
        let failed = |error: Error| NotCommitted::Failed(error.to_string());
        let mut settings = client::producer(config);
        settings.set("transactional.id", id);
        settings.set("transaction.timeout.ms", TIMEOUT_MS).set("message.timeout.ms", RECORD_TIMEOUT_MS);
        let context = Context::new(client::Context::new(Arc::new(Readiness::default())));
        let topics = Topics::new(config, Arc::new(Metrics::new())).map_err(failed)?;
        let producer = ThreadedProducer::from_config_and_context(&settings, context)
            .map_err(|error| failed(error.into()))?;
        let this = Self { producer, topics, config: config.clone() };
        this.repeat(keep_on, || this.producer.init_transactions(SLICE)).map_err(|verdict| match verdict {
            Verdict::Final(why) => why,
            Verdict::Abort(reason) | Verdict::Again(reason) => NotCommitted::Failed(reason),
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
    /// Kafka cannot, and `keep_on` says so.
    ///
    /// # Errors
    /// When nothing was committed.
    pub fn commit(
        &self,
        records: &[Record],
        markers: &[Marker],
        keep_on: KeepOn<'_>,
    ) -> Result<(), NotCommitted> {
        loop {
            let attempt = Attempt { producer: &self.producer, records, markers };
            let sent = attempt.send(keep_on);
            let ended = sent.and_then(|()| self.repeat(keep_on, || self.producer.commit_transaction(SLICE)));
            let reason = match ended {
                Ok(()) => return Ok(()),
                Err(Verdict::Final(why @ NotCommitted::Refused(_))) => {
                    self.abort(keep_on)?;
                    return Err(why);
                }
                Err(Verdict::Final(why)) => return Err(why),
                Err(Verdict::Abort(reason) | Verdict::Again(reason)) => reason,
            };
            self.abort(keep_on)?;
            if !keep_on(&reason) {
                return Err(NotCommitted::Stopped);
            }
            sleep(PAUSE);
        }
    }

    fn abort(&self, keep_on: KeepOn<'_>) -> Result<(), NotCommitted> {
        match self.repeat(keep_on, || self.producer.abort_transaction(SLICE)) {
            Err(Verdict::Final(why)) => Err(why),
            // There was none to abort.
            Ok(()) | Err(Verdict::Abort(_) | Verdict::Again(_)) => Ok(()),
        }
    }

    /// Calls the library until it has done what it was asked for, or says that it never will.
    fn repeat(
        &self,
        keep_on: KeepOn<'_>,
        mut call: impl FnMut() -> Result<(), KafkaError>,
    ) -> Result<(), Verdict> {
        loop {
            let Err(error) = call() else { return Ok(()) };
            match judge(&error) {
                Verdict::Again(reason) if keep_on(&reason) => sleep(PAUSE),
                Verdict::Again(_) => return Err(Verdict::Final(NotCommitted::Stopped)),
                verdict => return Err(verdict),
            }
        }
    }
}
