//! Evaluation of replayed events with the current settings.

use crate::config::Settings;
use crate::ingest::{Disposition, Evaluator};
use crate::record::{Headers, names};
use crate::routing::{InvalidRoutes, Records, RouteTable};
use crate::topics;
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use std::collections::HashSet;
use std::sync::Arc;

/// Evaluator of events that were not received by HTTP.
pub(crate) struct ReplayEvaluator {
    evaluator: Evaluator,
    /// Names of the sources, in the order of the settings.
    sources: Vec<String>,
    /// Every topic that records can have with the settings.
    topics: HashSet<Arc<str>>,
}

/// Decision on a replayed body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReplayDecision {
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
    pub(crate) fn of(settings: &Settings) -> Result<Self, InvalidRoutes> {
        let table = RouteTable::compile(&settings.routing).map_err(InvalidRoutes)?;
        let sources = settings.ingest.sources.iter().map(|source| source.name.clone()).collect();
        let topics = topics::of_table(settings, &table).into_iter().collect();
        Ok(Self { evaluator: Evaluator::new(&settings.ingest, table), sources, topics })
    }

    /// Returns the names of the sources.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().map(String::as_str)
    }

    /// Returns whether a record can have this topic, by a route or as a dead letter.
    pub(crate) fn can_yield(&self, topic: &str) -> bool {
        self.topics.contains(topic)
    }

    /// Evaluates a body that a source sent.
    ///
    /// The records have a header with the time of the replay. Otherwise they are as after a request, without
    /// the parts that only the request has: the signed time and the trace.
    pub(crate) fn evaluate(
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
