//! Metrics, logs and spans of outcomes.

use super::Outcome;
use super::accepted_event::AcceptedEvent;
use crate::rate_limit::LogThrottle;
use crate::telemetry::{EndedEvent, EventOutcome, Metrics, tags};
use justcall_events::KnownType;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// These requests could flood the log.
const UNAUTHENTICATED_LOG_INTERVAL: Duration = Duration::from_secs(10);

pub(super) struct OutcomeReporter {
    metrics: Arc<Metrics>,
    unauthenticated: LogThrottle,
    refused: LogThrottle,
    rejected: LogThrottle,
    /// 0 disables this log.
    log_sample: u64,
    successful: AtomicU64,
}

/// Level and message must be literals.
macro_rules! log_event {
    ($level:ident, $source:expr, $event:expr, $reason:expr, $left_out:expr, $($message:tt)+) => {
        tracing::$level!(
            reason = $reason,
            source = $source,
            event_type = $event.evaluated.event_type.map_or(tags::OTHER, KnownType::name),
            event_id = $event.evaluated.id.as_str(),
            trace_id = $event.trace.as_ref().map(|trace| format!("{:032x}", trace.context().trace_id())),
            left_out = $left_out,
            $($message)+
        )
    };
}

impl OutcomeReporter {
    pub(super) fn new(metrics: Arc<Metrics>, log_sample: u64) -> Self {
        Self {
            metrics,
            unauthenticated: LogThrottle::every(UNAUTHENTICATED_LOG_INTERVAL),
            refused: LogThrottle::default(),
            rejected: LogThrottle::default(),
            log_sample,
            successful: AtomicU64::new(0),
        }
    }

    pub(super) fn report(&self, source: &str, event: &AcceptedEvent, outcome: Outcome) -> Outcome {
        let (kind, reason) = (outcome.kind(), outcome.reason());
        let is_good = match kind {
            EventOutcome::DeadLettered => {
                self.metrics.rejected(reason.unwrap_or_default());
                if let Some(left_out) = self.rejected.pass(Instant::now()) {
                    let left_out = positive(left_out);
                    log_event!(
                        warn,
                        source,
                        event,
                        reason,
                        left_out,
                        "event rejected: kept as a dead letter"
                    );
                }
                true
            }
            EventOutcome::Refused => {
                self.metrics.refused(reason.unwrap_or_default());
                if let Some(left_out) = self.refused.pass(Instant::now()) {
                    let left_out = positive(left_out);
                    log_event!(
                        warn,
                        source,
                        event,
                        reason,
                        left_out,
                        "event refused: not durable, the sender may retry"
                    );
                }
                false
            }
            _ => {
                if self.is_sampled() {
                    let outcome = kind.tag();
                    log_event!(info, source, event, reason, None::<u64>, outcome, "event accepted");
                }
                true
            }
        };
        let event_type = event.evaluated.event_type;
        self.metrics.event(event_type, kind);
        if let Some(spans) = event.spans() {
            let (event_id, outcome) = (event.evaluated.id.as_str(), kind.tag());
            let ended = EndedEvent { source, event_type, event_id, outcome, reason, is_good };
            spans.ended(event.started, &ended);
        }
        outcome
    }

    /// Writes no span, and one log line in [`UNAUTHENTICATED_LOG_INTERVAL`], because any client can send
    /// these.
    pub(super) fn report_unaccepted(
        &self,
        source: &str,
        event_type: Option<KnownType>,
        outcome: Outcome,
    ) -> Outcome {
        let (kind, reason) = (outcome.kind(), outcome.reason());
        if let Some(reason) = reason {
            match kind {
                EventOutcome::Refused => self.metrics.refused(reason),
                _ => self.metrics.denied(reason),
            }
            if let Some(left_out) = self.unauthenticated.pass(Instant::now()) {
                tracing::warn!(
                    reason,
                    source,
                    events = left_out + 1,
                    "unauthenticated events were not kept; reason and source are those of the last one"
                );
            }
        }
        self.metrics.event(event_type, kind);
        outcome
    }

    fn is_sampled(&self) -> bool {
        self.log_sample > 0 && self.successful.fetch_add(1, Ordering::Relaxed).is_multiple_of(self.log_sample)
    }
}

/// `None`: 0.
fn positive(number: u64) -> Option<u64> {
    Some(number).filter(|number| *number > 0)
}
