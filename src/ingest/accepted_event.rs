//! Event that passed authentication.

use super::{Arrival, Disposition, Evaluated, Outcome, Permit, Rejection};
use crate::delivery::{DeliveryError, Durable, RecordFailure};
use crate::telemetry::{EventSpans, Trace};
use justcall_events::signature::Valid;
use std::time::Instant;

pub(super) struct AcceptedEvent {
    pub(super) source: usize,
    pub(super) evaluated: Evaluated,
    pub(super) signature: Option<Valid>,
    pub(super) trace: Option<Trace>,
    pub(super) started: Instant,
}

impl AcceptedEvent {
    /// Returns the memory permit separately.
    pub(super) fn new(
        arrival: Box<Arrival>,
        evaluated: Evaluated,
        signature: Option<Valid>,
        started: Instant,
    ) -> (Self, Permit) {
        let Arrival { source, trace, permit, .. } = *arrival;
        (Self { source, evaluated, signature, trace, started }, permit)
    }

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
