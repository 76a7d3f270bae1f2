//! Event that passed authentication.

use super::{Arrival, Disposition, Evaluated, Outcome, Permit, Rejection};
use crate::delivery::{DeliveryError, Durable, RecordFailure};
use crate::telemetry::{EventSpans, Trace};
use justcall_events::signature::Valid;
use std::time::Instant;

/// Authenticated and evaluated event.
pub(super) struct AcceptedEvent {
    /// Index of the source.
    pub(super) source: usize,
    pub(super) evaluated: Evaluated,
    pub(super) signature: Option<Valid>,
    pub(super) trace: Option<Trace>,
    /// Start of the evaluation.
    pub(super) started: Instant,
}

impl AcceptedEvent {
    /// Keeps the parts of an arrival that delivery and reports need. Returns the memory permit separately.
    pub(super) fn new(
        arrival: Box<Arrival>,
        evaluated: Evaluated,
        signature: Option<Valid>,
        started: Instant,
    ) -> (Self, Permit) {
        let Arrival { source, trace, permit, .. } = *arrival;
        (Self { source, evaluated, signature, trace, started }, permit)
    }

    /// Returns the outcome that follows from the delivery of the records.
    pub(super) fn outcome(&self, delivered: Result<Durable, DeliveryError>) -> Outcome {
        let Evaluated { id, disposition, .. } = &self.evaluated;
        match (delivered, disposition) {
            (Ok(_), Disposition::Reject(why, _)) => Outcome::DeadLettered(*id, Rejection::clone(why)),
            (Ok(Durable::DeadLettered(RecordFailure::TooLarge)), _) => {
                Outcome::DeadLettered(*id, Rejection::TooLargeForKafka)
            }
            (Ok(Durable::DeadLetteredBefore), _) => Outcome::Duplicate(*id),
            (Ok(Durable::DeadLettered(_)), _) => Outcome::DeadLettered(*id, Rejection::RefusedByKafka),
            (Ok(Durable::Acked), _) => Outcome::Acked(*id),
            (Ok(Durable::Spooled), _) => Outcome::Spooled(*id),
            (Err(not_durable), _) => Outcome::Refused(not_durable.into()),
        }
    }

    pub(super) fn spans(&self) -> Option<&EventSpans> {
        self.trace.as_ref()?.spans().map(AsRef::as_ref)
    }
}
