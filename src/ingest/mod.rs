//! From a body to its outcome: [`Ingest::accept`] is the way of every webhook, read top to bottom.

mod budget;
mod config;
mod dedup;
mod ending;
mod guard;
mod outcome;
mod reuse;
mod rules;

#[cfg(test)]
mod tests;

pub use budget::{Budget, Permit};
pub use config::{Config, DeadLetterAnswer, DeadLetterConfig, DeduplicationConfig, SourceConfig};
pub use dedup::Deduplication;
pub use guard::{
    Credentials, SIGNATURE, SecretsError, SignatureConfig, SignatureHeaders, TIMESTAMP, VERSION,
    check_number, keys, tokens,
};
pub use outcome::{Denial, EventId, Outcome, Refusal, Rejection};
pub use rules::{Facts, Judged, Read, Rules, Verdict};

pub use crate::record::{TRACEPARENT, TRACESTATE};

use crate::delivery::{AppendError, Delivery, DeliveryError, Failure, Identity, OnDurable};
use crate::event::{BodyHash, KnownType, Scanned};
use crate::record::Record;
use crate::secret::Secret;
use crate::signature::Valid;
use crate::telemetry::{Metrics, Trace};
use crate::watch::Follow;
use arc_swap::ArcSwap;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use dedup::{Claim, Seen};
use ending::{Case, Lines};
use guard::Guard;
use std::sync::Arc;
use std::time::Instant;

/// A webhook as it arrived: nothing about it is trusted.
#[derive(Debug)]
pub struct Arrival {
    /// Index of the source in [`Config::sources`], by the path it came on.
    pub source: usize,
    /// The body, decoded if it came compressed. `None`: it was not read, because the webhook came without a
    /// token that lets it in.
    pub body: Option<Bytes>,
    /// When its header was read.
    pub received_at: DateTime<Utc>,
    /// What it shows to be let in.
    pub credentials: Credentials,
    /// The trace that it belongs to, if any.
    pub trace: Option<Trace>,
    /// What the body was admitted under.
    pub permit: Permit,
}

/// Takes webhooks through the checks to their outcome.
pub struct Ingest {
    sources: Vec<Source>,
    rules: ArcSwap<Rules>,
    seen: Arc<Deduplication>,
    delivery: Arc<Delivery>,
    metrics: Arc<Metrics>,
    lines: Lines,
}

struct Source {
    name: String,
    guard: Guard,
    /// Part of the identity of every event of the source.
    salt: [u8; 16],
}

/// An event that was let in and judged, with its signature if it has one that holds.
type Admitted = (Judged, Option<Valid>);

impl Ingest {
    /// Puts the parts together. Of events that went well one in `log_sample` is logged; 0: none.
    ///
    /// # Errors
    /// When a source's secrets or tokens cannot be used.
    pub fn new(
        config: &Config,
        rules: Rules,
        delivery: Arc<Delivery>,
        metrics: Arc<Metrics>,
        log_sample: u64,
    ) -> Result<Self, SecretsError> {
        let sources = config.sources.iter().map(|source| Source::open(source, &metrics));
        let sources = sources.collect::<Result<_, _>>()?;
        let seen = Deduplication::new(config.deduplication.window, config.deduplication.capacity);
        show_memory(&seen, config.deduplication.capacity, &metrics);
        let spooled = Arc::clone(&seen);
        delivery.remember_with(move |events| {
            spooled.restore(events, Instant::now(), Utc::now().timestamp_millis());
        });
        Ok(Self {
            sources,
            rules: ArcSwap::from_pointee(rules),
            seen,
            delivery,
            metrics,
            lines: Lines::new(log_sample),
        })
    }

    /// Has events from now on judged by other rules, for the same sources. Every topic that they name
    /// must have its lane.
    pub fn adopt(&self, rules: Rules) {
        self.rules.store(Arc::new(rules));
    }

    /// The files of secrets and tokens that are to be followed.
    pub fn watched(&self) -> Vec<Arc<dyn Follow>> {
        self.sources.iter().flat_map(|source| source.guard.watched()).collect()
    }

    /// Returns whether a token lets webhooks of a source in. Asked before a body is read.
    pub fn has_token(&self, source: usize, token: Option<&Secret>) -> bool {
        self.sources[source].guard.has_token(token)
    }

    /// Takes one webhook to its outcome. The caller sees to it that a client that hangs up cuts nothing
    /// off.
    ///
    /// What it holds while it waits for Kafka stays below a KiB, which is what allocators have at hand:
    /// so an event has one place, its [`Case`], and what is rare is boxed.
    pub async fn accept(&self, arrival: Box<Arrival>) -> Outcome {
        let started = Instant::now();
        let (case, permit) = match self.judge(&arrival) {
            Ok((judged, signature)) => Case::open(arrival, judged, signature, started),
            Err((event_type, outcome)) => return self.not_let_in(arrival.source, event_type, outcome),
        };
        let outcome = self.settle(&case, permit).await;
        self.ended(&case, outcome)
    }

    /// Takes an event that was let in to its outcome.
    async fn settle(&self, case: &Case, permit: Permit) -> Outcome {
        let Judged { id, hash, violations, headers_left_out, verdict, .. } = &case.judged;
        if *violations > 0 {
            self.metrics.tolerated_violations.inc_by(u64::from(*violations));
        }
        if *headers_left_out > 0 {
            self.metrics.headers_left_out.inc_by(u64::from(*headers_left_out));
        }
        self.metrics.parse_seconds.observe(case.started.elapsed());
        let Some(records) = verdict.records() else { return Outcome::Dropped(*id) };
        let source = &self.sources[case.source];
        if matches!(verdict, Verdict::Rejected(..))
            && self.seen.is_durable(&source.identity(hash), case.started)
        {
            // Earlier rules accepted the body.
            return Outcome::Duplicate(*id);
        }
        let identity = source.identity(&case.judged.compared_hash());
        let claim = match self.seen.claim(identity, case.started) {
            Seen::Durable => return Outcome::Duplicate(*id),
            Seen::InFlight(first) => return Box::pin(self.wait_for(first, *id)).await,
            Seen::First(claim) => claim,
        };
        let Some(hold) = Hold::of(records, claim, permit) else {
            return Outcome::Refused(Refusal::OverBudget);
        };
        let handed_over = Instant::now();
        let delivered = self.delivery.deliver(records, &identity, case.spans(), hold).await;
        if delivered.is_ok() {
            self.metrics.ack_seconds.observe(handed_over.elapsed());
            if let Some(signature) = &case.signature {
                source.guard.used(signature);
            }
        }
        case.outcome(delivered)
    }

    /// Reads, verifies, checks and routes a body, or says how it ends before that: as a probe, or not
    /// let in. But for what the guard counts it is pure.
    fn judge(&self, arrival: &Arrival) -> Result<Admitted, (Option<KnownType>, Outcome)> {
        // One set of rules for the whole of an event.
        let rules = self.rules.load();
        let Some(body) = &arrival.body else { return Err((None, Outcome::Denied(Denial::Token))) };
        let read = rules.read(body);
        let envelope = match &read.scanned {
            Ok(Scanned::Probe) => return Err((None, Outcome::Probe)),
            Ok(Scanned::Envelope(envelope)) => Some(envelope),
            Err(_) => None,
        };
        let event_type = envelope.and_then(|envelope| envelope.event_type.known());
        // Before anything inside `data` is looked at, or worked on.
        let guard = &self.sources[arrival.source].guard;
        let signature = guard.admit(arrival, envelope).map_err(|outcome| (event_type, outcome))?;
        let facts = Facts {
            source: arrival.source,
            received_at: arrival.received_at,
            signed_at: signature.map(|valid| valid.at).or_else(|| arrival.credentials.signed_at()),
            trace: arrival.trace.as_ref().map(Trace::context),
        };
        let judged = rules.judge(read, body, &facts);
        judged.map(|judged| (judged, signature)).ok_or((None, Outcome::Probe))
    }

    /// Waits for the delivery that came first, no longer than it may take itself.
    async fn wait_for(&self, first: tokio::sync::oneshot::Receiver<()>, id: EventId) -> Outcome {
        match tokio::time::timeout(self.delivery.longest(), first).await {
            Ok(Ok(())) => Outcome::Duplicate(id),
            Ok(Err(_)) | Err(_) => Outcome::Refused(Refusal::InFlight),
        }
    }
}

/// Shows at each scrape how many events are remembered.
fn show_memory(seen: &Arc<Deduplication>, capacity: usize, metrics: &Metrics) {
    metrics.remembered_limit.set(i64::try_from(capacity).unwrap_or(i64::MAX));
    let (seen, remembered, early) =
        (Arc::clone(seen), metrics.remembered.clone(), metrics.forgotten_early.clone());
    metrics.at_scrape(move || {
        let (now, forgotten) = seen.figures();
        remembered.set(i64::try_from(now).unwrap_or(i64::MAX));
        early.inc_by(forgotten.saturating_sub(early.get()));
    });
}

impl Source {
    fn open(config: &SourceConfig, metrics: &Metrics) -> Result<Self, SecretsError> {
        let (guard, salt) = (Guard::open(config, metrics)?, BodyHash::of(config.name.as_bytes()).prefix());
        Ok(Self { name: config.name.clone(), guard, salt })
    }

    /// Returns what makes two deliveries the same event, also after a restart. An event of another source
    /// that has it is as hard to find as another body with the same hash.
    fn identity(&self, body: &BodyHash) -> Identity {
        let body = body.prefix();
        std::array::from_fn(|index| body[index] ^ self.salt[index])
    }
}

/// What an event holds until the last delivery report, which may come after the answer.
struct Hold {
    claim: Option<Claim>,
    permit: Permit,
    /// Bytes that the client library holds.
    copied: usize,
}

impl Hold {
    /// `None`: there is no room for what the client library copies.
    fn of(records: &[Record], claim: Claim, mut permit: Permit) -> Option<Box<Self>> {
        let copied = records.iter().map(Record::size).sum();
        permit.grow(copied).then(|| Box::new(Self { claim: Some(claim), permit, copied }))
    }
}

impl OnDurable for Hold {
    fn durable(&mut self) {
        if let Some(claim) = self.claim.take() {
            claim.durable(Instant::now());
        }
        // A spooled event is answered now, and only the client library's copy waits for its report.
        self.permit.shrink_to(self.copied);
    }
}

impl From<DeliveryError> for Refusal {
    fn from(not_durable: DeliveryError) -> Self {
        match not_durable {
            DeliveryError::Deadline => Self::Deadline,
            DeliveryError::HeldUp => Self::HeldUp,
            DeliveryError::Failed(Failure::QueueFull) => Self::QueueFull,
            DeliveryError::Failed(_) => Self::Kafka,
            DeliveryError::Spool(AppendError::Full | AppendError::LaneFull) => Self::SpoolFull,
            DeliveryError::Spool(AppendError::Disk) => Self::SpoolFailing,
            DeliveryError::DeadLetterQuota => Self::DeadLetterQuota,
        }
    }
}
