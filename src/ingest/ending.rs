//! What is said of an event that has its outcome: it is counted, logged and traced.

use super::{Arrival, Ingest, Judged, Outcome, Permit, Rejection, Verdict};
use crate::delivery::{Durable, Failure, NotDurable};
use crate::telemetry::{Allowance, Ended, EventOutcome, Spans, Throttle, Trace, tags};
use justcall_events::KnownType;
use justcall_events::signature::Valid;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often the log tells of what strangers send: they could fill it.
const STRANGERS_SAID: Duration = Duration::from_secs(10);

/// Lines of refused events at once, and of rejected ones; and how many a second after those. An outage
/// or a sender gone wrong makes thousands of them a second, all alike.
const LINES: u32 = 100;
const LINES_PER_SECOND: u32 = 10;

/// An event that was let in.
pub(super) struct Case {
    /// Index of its source.
    pub(super) source: usize,
    pub(super) judged: Judged,
    /// The one that it came with, if that holds.
    pub(super) signature: Option<Valid>,
    trace: Option<Trace>,
    /// When work on it began.
    pub(super) started: Instant,
}

impl Case {
    /// Of the arrival only what is still needed is kept, and what it was admitted under.
    pub(super) fn open(
        arrival: Box<Arrival>,
        judged: Judged,
        signature: Option<Valid>,
        started: Instant,
    ) -> (Self, Permit) {
        let Arrival { source, trace, permit, .. } = *arrival;
        (Self { source, judged, signature, trace, started }, permit)
    }

    /// What becomes of it by the way its records were delivered.
    pub(super) fn outcome(&self, delivered: Result<Durable, NotDurable>) -> Outcome {
        let Judged { id, verdict, .. } = &self.judged;
        match (delivered, verdict) {
            (Ok(_), Verdict::Rejected(why, _)) => Outcome::DeadLettered(*id, Rejection::clone(why)),
            (Ok(Durable::DeadLettered(Failure::TooLarge)), _) => {
                Outcome::DeadLettered(*id, Rejection::TooLargeForKafka)
            }
            (Ok(Durable::DeadLettered(_)), _) => Outcome::DeadLettered(*id, Rejection::RefusedByKafka),
            (Ok(Durable::Acked), _) => Outcome::Acked(*id),
            (Ok(Durable::Spooled), _) => Outcome::Spooled(*id),
            (Err(not_durable), _) => Outcome::Refused(not_durable.into()),
        }
    }

    /// Takes its spans, if it is traced.
    pub(super) fn spans(&self) -> Option<&Spans> {
        self.trace.as_ref()?.spans().map(AsRef::as_ref)
    }
}

/// Which lines are written.
pub(super) struct Lines {
    strangers: Throttle,
    refused: Allowance,
    rejected: Allowance,
    /// One of so many events that went well; 0: none.
    sample: u64,
    good: AtomicU64,
}

impl Lines {
    pub(super) fn new(sample: u64) -> Self {
        let allowance = || Allowance::new(LINES, LINES_PER_SECOND);
        Self {
            strangers: Throttle::new(STRANGERS_SAID),
            refused: allowance(),
            rejected: allowance(),
            sample,
            good: AtomicU64::new(0),
        }
    }

    /// Whether it is this good event's turn.
    fn samples(&self) -> bool {
        self.sample > 0 && self.good.fetch_add(1, Ordering::Relaxed).is_multiple_of(self.sample)
    }
}

/// One line about an event. A macro, for the level and the text must be literals.
macro_rules! say {
    ($level:ident, $ingest:expr, $case:expr, $reason:expr, $left_out:expr, $($what:tt)+) => {
        tracing::$level!(
            reason = $reason,
            source = &*$ingest.sources[$case.source].name,
            event_type = $case.judged.event_type.map_or(tags::OTHER, KnownType::name),
            event_id = $case.judged.id.as_str(),
            trace_id = $case.trace.as_ref().map(|trace| format!("{:032x}", trace.context().trace_id())),
            left_out = $left_out,
            $($what)+
        )
    };
}

impl Ingest {
    /// Says how an event that was let in ended, and passes it on.
    pub(super) fn ended(&self, case: &Case, outcome: Outcome) -> Outcome {
        let (kind, reason) = (outcome.kind(), outcome.reason());
        let is_good = match kind {
            EventOutcome::DeadLettered => {
                self.metrics.rejected(reason.unwrap_or_default());
                if let Some(left_out) = self.lines.rejected.take(Instant::now()) {
                    say!(warn, self, case, reason, some(left_out), "event rejected: kept as a dead letter");
                }
                true
            }
            EventOutcome::Refused => {
                self.metrics.refused(reason.unwrap_or_default());
                if let Some(left_out) = self.lines.refused.take(Instant::now()) {
                    say!(
                        warn,
                        self,
                        case,
                        reason,
                        some(left_out),
                        "event refused: not durable, the sender may retry"
                    );
                }
                false
            }
            _ => {
                if self.lines.samples() {
                    say!(info, self, case, reason, None::<u64>, outcome = kind.tag(), "event taken");
                }
                true
            }
        };
        let event_type = case.judged.event_type;
        self.metrics.event(event_type, kind);
        if let Some(spans) = case.spans() {
            let source = &self.sources[case.source].name;
            let (event_id, outcome) = (case.judged.id.as_str(), kind.tag());
            let ended = Ended { source, event_type, event_id, outcome, reason, is_good };
            spans.ended(case.started, &ended);
        }
        outcome
    }

    /// Says of a webhook that it was not let in, or is a probe, and passes that on. Strangers send these:
    /// they leave no span, and one line in [`STRANGERS_SAID`].
    pub(super) fn not_let_in(
        &self,
        source: usize,
        event_type: Option<KnownType>,
        outcome: Outcome,
    ) -> Outcome {
        let (kind, reason) = (outcome.kind(), outcome.reason());
        if let Some(reason) = reason {
            match kind {
                EventOutcome::Refused => self.metrics.refused(reason),
                _ => self.metrics.denied(reason),
            }
            if let Some(events) = self.lines.strangers.pass(Instant::now()) {
                tracing::warn!(
                    reason,
                    source = &*self.sources[source].name,
                    events,
                    "events were not let in, the last one there and for this reason, and not kept"
                );
            }
        }
        self.metrics.event(event_type, kind);
        outcome
    }
}

/// A number that is worth saying.
fn some(number: u64) -> Option<u64> {
    Some(number).filter(|number| *number > 0)
}
