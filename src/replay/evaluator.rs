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
    sources: Vec<String>,
    /// Every topic that records can have with the settings.
    topics: HashSet<Arc<str>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReplayDecision {
    Records(Records),
    /// The body is a probe, or a route drops it.
    Nothing(&'static str),
    Rejected {
        /// Stable tag, as in `dlq_reason`.
        reason: String,
        /// Without any part of the body.
        detail: String,
    },
}

impl ReplayEvaluator {
    pub(crate) fn of(settings: &Settings) -> Result<Self, InvalidRoutes> {
        let table = RouteTable::compile(&settings.routing).map_err(InvalidRoutes)?;
        let sources = settings.ingest.sources.iter().map(|source| source.name.clone()).collect();
        let topics = topics::of_table(settings, &table).into_iter().collect();
        Ok(Self { evaluator: Evaluator::new(&settings.ingest, table), sources, topics })
    }

    pub(crate) fn sources(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().map(String::as_str)
    }

    /// As the topic of a route, or of dead letters.
    pub(crate) fn can_yield(&self, topic: &str) -> bool {
        self.topics.contains(topic)
    }

    /// The records get the time of the replay as a header, and lack the signed time and the trace of a
    /// request.
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

fn replayed(headers: &Headers, at: DateTime<Utc>) -> Headers {
    let at = at.to_rfc3339_opts(SecondsFormat::Millis, true);
    Headers::builder(headers.size() + 64).extend(headers).add(names::REPLAYED, at).build()
}
