//! From a body to its outcome: [`Ingest::accept`] is the way of every webhook, read top to bottom.

mod budget;
mod config;
mod dead_letter;
mod dedup;
mod outcome;

#[cfg(test)]
mod tests;

pub use budget::{Budget, Permit};
pub use config::{Config, DeadLetterAnswer, DeadLetterConfig, DeduplicationConfig, SourceConfig};
pub use dedup::Deduplication;
pub use outcome::{EventId, Outcome, Refusal, Rejection};

use crate::delivery::{Delivery, Failure, NotDurable, Settle, Settled};
use crate::event::{BodyHash, KnownType, Scanned, scan};
use crate::record::Record;
use crate::routing::{RecordContext, Records, Table};
use crate::telemetry::{EventOutcome, Metrics};
use bytes::Bytes;
use chrono::{DateTime, NaiveDateTime, Utc};
use dedup::{Claim, Seen};
use std::sync::Arc;
use std::time::Instant;

/// A webhook as it arrived: nothing about it is trusted.
#[derive(Debug)]
pub struct Arrival {
    /// Index of the source in [`Config::sources`], by the path it came on.
    pub source: usize,
    /// The body, decoded if it came compressed.
    pub body: Bytes,
    /// When its header was read.
    pub received_at: DateTime<Utc>,
    /// The header `x-justcall-request-timestamp` as it came.
    pub signed_at: Option<String>,
    /// The W3C `traceparent` header, if it is well-formed.
    pub traceparent: Option<String>,
    /// What the body was admitted under.
    pub permit: Permit,
}

/// Takes webhooks through the checks to their outcome.
pub struct Ingest {
    sources: Vec<Source>,
    dead_letter_topic: Arc<str>,
    table: Table,
    seen: Arc<Deduplication>,
    delivery: Arc<Delivery>,
    metrics: Arc<Metrics>,
}

struct Source {
    config: SourceConfig,
    /// `ce_source`
    uri: String,
}

/// What the checks made of a body.
struct Judged {
    id: EventId,
    hash: BodyHash,
    event_type: Option<KnownType>,
    records: Records,
    /// Why the records are a dead letter, if they are.
    rejection: Option<Rejection>,
    /// How many violations a tolerant source let pass.
    violations: u32,
}

impl Ingest {
    /// Puts the parts together.
    pub fn new(config: &Config, table: Table, delivery: Arc<Delivery>, metrics: Arc<Metrics>) -> Self {
        let sources = config
            .sources
            .iter()
            .map(|source| Source { config: source.clone(), uri: format!("/justcall/{}", source.name) })
            .collect();
        Self {
            sources,
            dead_letter_topic: Arc::from(config.dead_letter.topic.as_str()),
            table,
            seen: Deduplication::new(config.deduplication.window, config.deduplication.capacity),
            delivery,
            metrics,
        }
    }

    /// Takes one webhook to its outcome. The caller spawns it, so that a client that hangs up cuts
    /// nothing off.
    pub async fn accept(&self, arrival: Arrival) -> Outcome {
        let started = Instant::now();
        let Some(judged) = self.judge(&arrival) else {
            self.metrics.event(None, EventOutcome::Probe);
            return Outcome::Probe;
        };
        let Judged { id, hash, event_type, records, rejection, violations } = judged;
        self.metrics.tolerated_violations.inc_by(u64::from(violations));
        self.metrics.parse_seconds.observe(started.elapsed());
        let outcome = match self.seen.claim(arrival.source, &hash, started) {
            Seen::Durable => Outcome::Duplicate(id),
            Seen::InFlight(first) => self.wait_for(first, id).await,
            Seen::First(claim) => {
                drop(arrival.body);
                match self.deliver(&records, claim, arrival.permit).await {
                    Ok(()) => rejection.map_or(Outcome::Acked(id), |why| Outcome::DeadLettered(id, why)),
                    Err(refusal) => Outcome::Refused(refusal),
                }
            }
        };
        self.count(event_type, &outcome);
        outcome
    }

    /// Makes an event durable, or says why it is refused.
    async fn deliver(&self, records: &[Record], claim: Claim, mut permit: Permit) -> Result<(), Refusal> {
        // The client library copies what it holds.
        if !permit.grow(records.iter().map(Record::size).sum()) {
            return Err(Refusal::OverBudget);
        }
        let handed_over = Instant::now();
        self.delivery.deliver(records, Box::new(Hold { claim, _permit: permit })).await?;
        self.metrics.ack_seconds.observe(handed_over.elapsed());
        Ok(())
    }

    fn count(&self, event_type: Option<KnownType>, outcome: &Outcome) {
        let ended = match outcome {
            Outcome::Acked(_) => EventOutcome::Acked,
            Outcome::Duplicate(_) => EventOutcome::Duplicate,
            Outcome::DeadLettered(_, rejection) => {
                self.metrics.rejected(rejection.tag());
                tracing::warn!(reason = rejection.tag(), "event rejected: kept as a dead letter");
                EventOutcome::DeadLettered
            }
            Outcome::Refused(refusal) => {
                self.metrics.refused(refusal.tag());
                tracing::warn!(reason = refusal.tag(), "event refused: not durable, the sender may retry");
                EventOutcome::Refused
            }
            // Counted where it is seen: it has no type.
            Outcome::Probe => return,
        };
        self.metrics.event(event_type, ended);
    }

    /// Reads, checks and routes a body; `None` for a probe. Pure.
    fn judge(&self, arrival: &Arrival) -> Option<Judged> {
        let source = &self.sources[arrival.source];
        let hash = BodyHash::of(&arrival.body);
        let reject = |id, event_type, rejection: Rejection| {
            let record = dead_letter::record(
                &self.dead_letter_topic,
                &source.config.name,
                &id,
                &rejection,
                arrival.received_at,
                arrival.body.clone(),
            );
            let records = Records::from_iter([record]);
            Some(Judged { id, hash, event_type, records, rejection: Some(rejection), violations: 0 })
        };
        let envelope = match scan(&arrival.body) {
            Ok(Scanned::Probe) => return None,
            Ok(Scanned::Envelope(envelope)) => envelope,
            Err(malformed) => return reject(EventId::from_hash(&hash), None, malformed.into()),
        };
        let event_type = envelope.event_type.known();
        // Signatures are verified here, before anything inside `data` is looked at.
        let event = match envelope.validate(source.config.validation, &hash) {
            Ok(event) => event,
            Err(violation) => return reject(EventId::from_hash(&hash), event_type, violation.into()),
        };
        let context = RecordContext {
            source_uri: &source.uri,
            received_at: arrival.received_at,
            signed_at: arrival.signed_at.as_deref().and_then(signed_time),
            traceparent: arrival.traceparent.as_deref(),
        };
        match self.table.records(&event, &arrival.body, &context) {
            Some(records) => {
                let (id, violations) = (event.id, event.violations);
                Some(Judged { id, hash, event_type, records, rejection: None, violations })
            }
            None => reject(event.id, event_type, Rejection::UnknownType),
        }
    }

    /// Waits for the delivery that came first, no longer than it may take itself.
    async fn wait_for(&self, first: tokio::sync::oneshot::Receiver<()>, id: EventId) -> Outcome {
        match tokio::time::timeout(self.delivery.ack_deadline(), first).await {
            Ok(Ok(())) => Outcome::Duplicate(id),
            Ok(Err(_)) | Err(_) => Outcome::Refused(Refusal::InFlight),
        }
    }
}

/// What an event holds until the last delivery report, which may come after the answer.
struct Hold {
    claim: Claim,
    _permit: Permit,
}

impl Settle for Hold {
    fn settle(self: Box<Self>, settled: Settled) {
        if settled == Settled::Durable {
            self.claim.durable(Instant::now());
        }
    }
}

impl From<NotDurable> for Refusal {
    fn from(not_durable: NotDurable) -> Self {
        match not_durable {
            NotDurable::Deadline => Self::Deadline,
            NotDurable::Failed(Failure::QueueFull) => Self::QueueFull,
            NotDurable::Failed(Failure::UnknownTopic | Failure::Other | Failure::Abandoned) => Self::Kafka,
        }
    }
}

/// The time in `x-justcall-request-timestamp`: `2024-03-21 17:08:22` in UTC, or seconds since 1970.
fn signed_time(header: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(header, "%Y-%m-%d %H:%M:%S")
        .map(|time| time.and_utc())
        .ok()
        .or_else(|| DateTime::from_timestamp(header.parse().ok()?, 0))
}
