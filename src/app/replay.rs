//! Replay of events with the current settings, and the transactional writer for their records.
//!
//! Every call may block.

use crate::config::Settings;
use crate::delivery::TopicFailure;
use crate::ingest::{Disposition, Evaluator};
use crate::kafka::{self, CommitError, Marker, ShouldRetry, TransactionalProducer};
use crate::record::{Headers, Record, names};
use crate::routing::{InvalidRoutes, Records, RouteTable};
use crate::topics;
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use std::collections::HashSet;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;
use tokio::runtime::Handle;

/// Interval of attempts to create a topic.
const ENSURE_RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// Evaluator of events that were not received by HTTP.
pub struct ReplayEvaluator {
    evaluator: Evaluator,
    /// Names of the sources, in the order of the settings.
    sources: Vec<String>,
    /// Every topic that records can have with the settings.
    topics: HashSet<Arc<str>>,
}

/// Decision on a replayed body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplayDecision {
    /// Write these records.
    Records(Records),
    /// Write nothing, with the reason: the body is a probe, or a route drops it.
    Nothing(&'static str),
    /// Keep or write a dead letter.
    Rejected {
        /// Stable tag, as in `dlq_reason`.
        reason: String,
        /// Description, without any part of the body.
        detail: String,
    },
}

impl ReplayEvaluator {
    /// Creates an evaluator from the settings.
    ///
    /// # Errors
    /// If the routes contradict each other.
    pub fn of(settings: &Settings) -> Result<Self, InvalidRoutes> {
        let table = RouteTable::compile(&settings.routing).map_err(InvalidRoutes)?;
        let sources = settings.ingest.sources.iter().map(|source| source.name.clone()).collect();
        let topics = topics::of_table(settings, &table).into_iter().collect();
        Ok(Self { evaluator: Evaluator::new(&settings.ingest, table), sources, topics })
    }

    /// Returns the names of the sources.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().map(String::as_str)
    }

    /// Returns whether a record can have this topic, by a route or as a dead letter.
    pub fn can_yield(&self, topic: &str) -> bool {
        self.topics.contains(topic)
    }

    /// Evaluates a body that a source sent.
    ///
    /// The records have a header with the time of the replay. Otherwise they are as after a request, without
    /// the parts that only the request has: the signed time and the trace.
    pub fn evaluate(
        &self,
        source: &str,
        body: &Bytes,
        received_at: DateTime<Utc>,
        replayed_at: DateTime<Utc>,
    ) -> ReplayDecision {
        let Some(source) = self.sources.iter().position(|name| name == source) else {
            return ReplayDecision::Rejected {
                reason: "unknown_source".into(),
                detail: "the settings have no source of this name".into(),
            };
        };
        let scanned = self.evaluator.scan(source, body);
        let context = scanned.context(received_at);
        let Some(evaluated) = self.evaluator.evaluate(scanned, &context) else {
            return ReplayDecision::Nothing("a probe");
        };
        match evaluated.disposition {
            Disposition::Forward(mut records) => {
                for record in &mut records {
                    record.headers = replayed(&record.headers, replayed_at);
                }
                ReplayDecision::Records(records)
            }
            Disposition::Drop => ReplayDecision::Nothing("a route drops it"),
            Disposition::Reject(rejection, _) => {
                ReplayDecision::Rejected { reason: rejection.tag().into(), detail: rejection.to_string() }
            }
        }
    }
}

/// Adds the time of the replay to the headers.
fn replayed(headers: &Headers, at: DateTime<Utc>) -> Headers {
    let at = at.to_rfc3339_opts(SecondsFormat::Millis, true);
    Headers::builder(headers.size() + 64).extend(headers).add(names::REPLAYED, at).build()
}

/// Writer of replayed records, in transactions.
pub struct ReplayWriter {
    transactions: TransactionalProducer,
    /// Topics that are known to exist.
    ensured: HashSet<Arc<str>>,
    runtime: Handle,
}

impl ReplayWriter {
    /// Opens a writer with a transactional id, and fences its previous owner. Another thread must drive `runtime`.
    ///
    /// # Errors
    /// If the user may not use the id, or `keep_on` returns `false`.
    pub fn open(
        config: &kafka::Config,
        id: &str,
        runtime: Handle,
        keep_on: ShouldRetry<'_>,
    ) -> Result<Self, CommitError> {
        let transactions = TransactionalProducer::take_over(config, id, keep_on)?;
        Ok(Self { transactions, ensured: HashSet::new(), runtime })
    }

    /// Returns whether an open transaction of another program hides the end of a topic.
    pub(super) fn is_hidden(&self, topic: &str) -> Result<bool, kafka::Error> {
        self.transactions.is_hidden(topic)
    }

    /// Writes records and marks in one transaction, after it created missing topics. Waits while Kafka is not
    /// available and `keep_on` returns `true`.
    ///
    /// # Errors
    /// If nothing was written.
    pub fn write(
        &mut self,
        records: &[Record],
        markers: &[Marker],
        keep_on: ShouldRetry<'_>,
    ) -> Result<(), CommitError> {
        for record in records {
            self.ensure(&record.topic, keep_on)?;
        }
        if records.is_empty() && markers.is_empty() {
            return Ok(());
        }
        self.transactions.commit(records, markers, keep_on)
    }

    /// Creates a topic that does not exist, if the settings allow that.
    fn ensure(&mut self, topic: &Arc<str>, keep_on: ShouldRetry<'_>) -> Result<(), CommitError> {
        while !self.ensured.contains(topic) {
            match self.runtime.block_on(self.transactions.ensure(topic)) {
                Ok(()) => {
                    self.ensured.insert(Arc::clone(topic));
                }
                Err(missing @ TopicFailure::Missing) => {
                    return Err(CommitError::Refused(format!("{missing} ({topic})")));
                }
                Err(failure) if keep_on(&format!("{failure} ({topic})")) => sleep(ENSURE_RETRY_INTERVAL),
                Err(_) => return Err(CommitError::Stopped),
            }
        }
        Ok(())
    }
}
