//! Authentication, evaluation, deduplication and delivery of webhooks. [`Arrival`] → `ScannedBody` (envelope)
//! → [`Evaluated`] (id and records) → `AcceptedEvent` (authentication) → [`Outcome`].

mod accepted_event;
mod arrival;
mod auth;
mod config;
mod dedup;
mod evaluator;
mod in_flight_guard;
mod memory_budget;
mod outcome;
mod outcome_report;
mod signature_config;
mod signature_reuse;
mod source;

pub(crate) use crate::record::{TRACEPARENT, TRACESTATE};
#[allow(unreachable_pub, reason = "exported by `internals`")]
pub use arrival::{Arrival, Credentials};
pub(crate) use auth::{SecretsError, check_number, read_keys, read_tokens};
pub(crate) use config::{Config, DeadLetterAnswer, DeadLetterConfig, DeduplicationConfig, SourceConfig};
pub(crate) use dedup::Deduplication;
#[allow(unreachable_pub, reason = "exported by `internals`")]
pub use evaluator::{Disposition, Evaluated, Evaluator};
#[allow(unreachable_pub, reason = "exported by `internals`")]
pub use memory_budget::Budget;
pub(crate) use memory_budget::Permit;
#[allow(unreachable_pub, reason = "exported by `internals`")]
pub use outcome::Outcome;
pub(crate) use outcome::{Denial, Refusal, Rejection};
pub(crate) use signature_config::{SignatureConfig, SignatureMode};

use crate::delivery::Delivery;
use crate::routing::RecordContext;
use crate::secret::Secret;
use crate::telemetry::{Metrics, Trace};
use crate::watch::Refresh;
use accepted_event::AcceptedEvent;
use arc_swap::ArcSwap;
use chrono::Utc;
use dedup::ClaimResult;
use in_flight_guard::InFlightGuard;
use justcall_events::{EventId, KnownType, Scanned};
use outcome_report::OutcomeReporter;
use source::EventSource;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::oneshot;

/// Processor of webhooks.
pub struct Ingest {
    sources: Vec<EventSource>,
    evaluator: ArcSwap<Evaluator>,
    dedup: Arc<Deduplication>,
    delivery: Arc<Delivery>,
    metrics: Arc<Metrics>,
    reporter: OutcomeReporter,
}

impl Ingest {
    /// Logs one in `log_sample` successful events; 0 disables this log.
    pub fn new(
        config: &Config,
        evaluator: Evaluator,
        delivery: Arc<Delivery>,
        metrics: Arc<Metrics>,
        log_sample: u64,
    ) -> Result<Self, SecretsError> {
        let sources = config.sources.iter().map(|source| EventSource::open(source, &metrics));
        let sources = sources.collect::<Result<_, _>>()?;
        let dedup = Deduplication::new(config.deduplication.window, config.deduplication.capacity);
        dedup.register_metrics(config.deduplication.capacity, &metrics);
        let spooled = Arc::clone(&dedup);
        delivery.remember_with(move |events| {
            spooled.restore(events, Instant::now(), Utc::now().timestamp_millis());
        });
        Ok(Self {
            sources,
            evaluator: ArcSwap::from_pointee(evaluator),
            dedup,
            delivery,
            reporter: OutcomeReporter::new(Arc::clone(&metrics), log_sample),
            metrics,
        })
    }

    /// Replaces the evaluator for the same sources. Delivery must have a lane for each topic.
    pub fn replace_evaluator(&self, evaluator: Evaluator) {
        self.evaluator.store(Arc::new(evaluator));
    }

    /// Returns the files of secrets and tokens.
    pub fn watched(&self) -> Vec<Arc<dyn Refresh>> {
        self.sources.iter().flat_map(|source| source.authenticator.watched()).collect()
    }

    /// Called before a body is read.
    pub fn has_token(&self, source: usize, token: Option<&Secret>) -> bool {
        self.sources[source].authenticator.has_token(token)
    }

    /// The caller must not drop the future when a client disconnects. It stays below 1 KiB, because
    /// allocators cache pieces of that size; rare branches are boxed.
    pub async fn accept(&self, arrival: Box<Arrival>) -> Outcome {
        let source = arrival.source;
        let (event, permit) = match self.evaluate(arrival) {
            Ok(accepted) => accepted,
            Err((event_type, outcome)) => {
                let source = &self.sources[source].name;
                return self.reporter.report_unaccepted(source, event_type, outcome);
            }
        };
        let outcome = self.settle(&event, permit).await;
        self.reporter.report(&self.sources[source].name, &event, outcome)
    }

    /// Fails with the outcome of a probe, or of a webhook that is not authenticated.
    fn evaluate(
        &self,
        arrival: Box<Arrival>,
    ) -> Result<(AcceptedEvent, Permit), (Option<KnownType>, Outcome)> {
        let started = Instant::now();
        // A reload must not change the rules within an event.
        let evaluator = self.evaluator.load();
        let Some(body) = &arrival.body else { return Err((None, Outcome::Denied(Denial::Token))) };
        let scanned = evaluator.scan(arrival.source, body);
        let envelope = match scanned.envelope() {
            Ok(Scanned::Probe) => return Err((None, Outcome::Probe)),
            Ok(Scanned::Envelope(envelope)) => Some(envelope),
            Err(_) => None,
        };
        let event_type = envelope.and_then(|envelope| envelope.event_type.known());
        // Before `data` is read.
        let authenticator = &self.sources[arrival.source].authenticator;
        let signature =
            authenticator.authenticate(&arrival, envelope).map_err(|outcome| (event_type, outcome))?;
        let context = RecordContext {
            signed_at: signature.map(|valid| valid.at).or_else(|| arrival.credentials.signed_at()),
            trace: arrival.trace.as_ref().map(Trace::context),
            ..scanned.context(arrival.received_at)
        };
        let evaluated = evaluator.evaluate(scanned, &context).ok_or((None, Outcome::Probe))?;
        Ok(AcceptedEvent::new(arrival, evaluated, signature, started))
    }

    async fn settle(&self, event: &AcceptedEvent, permit: Permit) -> Outcome {
        let Evaluated { id, hash, violations, headers_left_out, disposition, .. } = &event.evaluated;
        if *violations > 0 {
            self.metrics.tolerated_violations.inc_by(u64::from(*violations));
        }
        if *headers_left_out > 0 {
            self.metrics.headers_left_out.inc_by(u64::from(*headers_left_out));
        }
        self.metrics.parse_duration_seconds.observe(event.started.elapsed());
        let Some(records) = disposition.records() else { return Outcome::Dropped(*id) };
        let source = &self.sources[event.source];
        if matches!(disposition, Disposition::Reject(..))
            && self.dedup.is_durable(&source.identity(hash), event.started)
        {
            // Earlier rules accepted the body.
            return Outcome::Duplicate(*id);
        }
        let identity = source.identity(&event.evaluated.dedup_hash());
        let claim = match self.dedup.claim(identity, event.started) {
            ClaimResult::Granted(claim) => claim,
            ClaimResult::Durable => return Outcome::Duplicate(*id),
            ClaimResult::InFlight(first) => return Box::pin(self.wait_for(first, *id)).await,
        };
        let Some(guard) = InFlightGuard::new(records, claim, permit) else {
            return Outcome::Refused(Refusal::OverBudget);
        };
        let handed_over = Instant::now();
        let delivered = self.delivery.deliver(records, &identity, event.spans(), guard).await;
        if delivered.is_ok() {
            self.metrics.ack_duration_seconds.observe(handed_over.elapsed());
            if let Some(signature) = &event.signature {
                source.authenticator.count_use(signature);
            }
        }
        event.outcome(delivered)
    }

    async fn wait_for(&self, first: oneshot::Receiver<()>, id: EventId) -> Outcome {
        match tokio::time::timeout(self.delivery.longest(), first).await {
            Ok(Ok(())) => Outcome::Duplicate(id),
            Ok(Err(_)) | Err(_) => Outcome::Refused(Refusal::DuplicateInFlight),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::RecordFailure;
    use crate::health::Readiness;
    use justcall_events::signature::Fault;
    use justcall_events::{JsonType, Malformed, Violation};

    #[test]
    fn every_reason_has_its_own_label() {
        let metrics = Metrics::new();
        let violation = Violation { pointer: "".into(), expected: "", found: JsonType::Null };
        let rejections = [
            Malformed::NotJson.into(),
            Malformed::NotAnEnvelope.into(),
            Malformed::Ambiguous.into(),
            Rejection::Violation(violation),
            Rejection::UnknownType,
        ];
        Denial::all().for_each(|denial| metrics.denied(denial.tag()));
        let source = metrics.source("main");
        Fault::ALL.iter().for_each(|fault| source.signature(fault.tag()));
        Refusal::ALL.iter().for_each(|refusal| metrics.refused(refusal.tag()));
        rejections.iter().for_each(|rejection: &Rejection| metrics.rejected(rejection.tag()));
        RecordFailure::ALL.iter().for_each(|failure| metrics.delivery_error(failure.tag()));
        let text = metrics.render(&Readiness::new(), 0);
        let counted = |series: String| text.contains(&format!("justcall_bridge_{series} 1\n"));
        for denial in Denial::all() {
            assert!(counted(format!("denied_total{{reason=\"{}\"}}", denial.tag())), "{denial:?}");
        }
        for fault in Fault::ALL {
            let series = format!("signatures_total{{source=\"main\",result=\"{}\"}}", fault.tag());
            assert!(counted(series), "{fault:?}");
        }
        for refusal in Refusal::ALL {
            assert!(counted(format!("refused_total{{reason=\"{}\"}}", refusal.tag())), "{refusal:?}");
        }
        for rejection in rejections {
            assert!(counted(format!("rejected_total{{reason=\"{}\"}}", rejection.tag())), "{rejection:?}");
        }
        for failure in RecordFailure::ALL {
            assert!(
                counted(format!("kafka_delivery_errors_total{{kind=\"{}\"}}", failure.tag())),
                "{failure:?}"
            );
        }
    }

    /// glibc caches pieces of up to 1032 bytes. Larger ones took a tenth of an event's CPU time.
    #[test]
    fn future_of_an_event_is_small_enough_for_the_allocators_cache() {
        fn size<F>(_: impl FnOnce(&'static Ingest, Box<Arrival>) -> F) -> usize {
            size_of::<F>()
        }
        const REQUEST: usize = 96;
        assert!(size(Ingest::accept) + REQUEST <= 1032, "{} bytes", size(Ingest::accept));
    }
}
