//! Outcomes of webhooks and their reasons.

use crate::delivery::{AppendError, DeliveryError, RecordFailure};
use crate::record::names;
use crate::telemetry::EventOutcome;
use justcall_events::signature::Fault;
use justcall_events::{EventId, Malformed, Violation};
use strum::{IntoStaticStr, VariantArray};

/// Determines the response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Acked(EventId),
    /// At least one record is in the spool.
    Spooled(EventId),
    /// Already durable. Nothing was written.
    Duplicate(EventId),
    /// Nothing was written.
    Dropped(EventId),
    /// JustCall's test of a URL.
    Probe,
    /// Durable as a dead letter.
    DeadLettered(EventId, Rejection),
    /// Not durable now. A retry may succeed.
    Refused(Refusal),
    /// Not authenticated, and not kept.
    Denied(Denial),
}

impl Outcome {
    pub fn kind(&self) -> EventOutcome {
        match self {
            Self::Acked(_) => EventOutcome::Acked,
            Self::Spooled(_) => EventOutcome::Spooled,
            Self::Duplicate(_) => EventOutcome::Duplicate,
            Self::Dropped(_) => EventOutcome::Dropped,
            Self::Probe => EventOutcome::Probe,
            Self::DeadLettered(..) => EventOutcome::DeadLettered,
            Self::Refused(_) => EventOutcome::Refused,
            Self::Denied(_) => EventOutcome::Denied,
        }
    }

    /// Stable tag, if the event was not forwarded as usual.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::DeadLettered(_, rejection) => Some(rejection.tag()),
            Self::Refused(refusal) => Some(refusal.tag()),
            Self::Denied(denial) => Some(denial.tag()),
            _ => None,
        }
    }

    /// Probes need no authentication.
    pub fn is_authenticated(&self) -> bool {
        !matches!(
            self,
            Self::Probe
                | Self::Denied(_)
                | Self::Refused(Refusal::SignatureMismatch | Refusal::SignatureStale)
        )
    }
}

/// A secret that is still to be mounted, or a corrected clock, may make other signatures valid. These are
/// refused, because a 401 would lose the events of a rotation.
impl From<Fault> for Outcome {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::NoMatch => Self::Refused(Refusal::SignatureMismatch),
            Fault::Stale => Self::Refused(Refusal::SignatureStale),
            fault => Self::Denied(Denial::Signature(fault)),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Denial {
    /// Missing or permanently invalid.
    #[error("{0}")]
    Signature(Fault),
    /// No readable envelope, which a required signature covers.
    #[error("the body is not a JustCall envelope, so its signature cannot be verified")]
    Unverifiable,
    #[error("the token is missing or wrong")]
    Token,
}

impl Denial {
    pub fn all() -> impl Iterator<Item = Self> {
        let signature = |fault| match Outcome::from(fault) {
            Outcome::Denied(denial) => Some(denial),
            _ => None,
        };
        Fault::ALL.into_iter().filter_map(signature).chain([Self::Unverifiable, Self::Token])
    }

    pub const fn tag(self) -> &'static str {
        match self {
            Self::Signature(fault) => fault.tag(),
            Self::Unverifiable => "unverifiable",
            Self::Token => "token",
        }
    }
}

/// No retry can succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// 400
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// 422
    #[error(transparent)]
    Violation(#[from] Violation),
    /// 200, because the sender made no error: `unknown_events` is `dead_letter`.
    #[error("no route names this type, and unknown_events is dead_letter")]
    UnknownType,
    /// 422
    #[error("a record of the event is larger than Kafka accepts")]
    TooLargeForKafka,
    /// Also when the record is sent alone: 422.
    #[error("Kafka refuses a record of the event")]
    RefusedByKafka,
}

impl Rejection {
    /// `dlq_reason`, and label of metrics.
    pub const fn tag(&self) -> &'static str {
        match self {
            Self::Malformed(Malformed::NotJson) => names::NOT_JSON,
            Self::Malformed(Malformed::NotAnEnvelope) => names::NOT_AN_ENVELOPE,
            Self::Malformed(Malformed::Ambiguous) => names::AMBIGUOUS_DIALECT,
            Self::Violation(_) => names::CONTRACT_VIOLATION,
            Self::UnknownType => names::UNKNOWN_TYPE,
            Self::TooLargeForKafka => names::TOO_LARGE_FOR_KAFKA,
            Self::RefusedByKafka => names::REFUSED_BY_KAFKA,
        }
    }
}

/// Not durable now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Refusal {
    #[error("Kafka did not acknowledge the event in time")]
    AckDeadline,
    #[error("the queue to Kafka is full")]
    QueueFull,
    #[error("Kafka did not accept the event")]
    Kafka,
    #[error("Kafka does not take records for this topic at the moment")]
    HeldUp,
    /// The topic's share counts too.
    #[error("the spool is full")]
    SpoolFull,
    #[error("the spool cannot be written")]
    SpoolFailing,
    #[error("too many rejected events at once")]
    DeadLetterQuota,
    #[error("too much is in flight")]
    OverBudget,
    #[error("the same event is in flight and is not durable yet")]
    DuplicateInFlight,
    /// The right secret may not be mounted yet.
    #[error("{}", Fault::NoMatch)]
    SignatureMismatch,
    #[error("{}", Fault::Stale)]
    SignatureStale,
}

impl Refusal {
    /// In the order of declaration.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    pub fn tag(self) -> &'static str {
        self.into()
    }
}

impl From<DeliveryError> for Refusal {
    fn from(not_durable: DeliveryError) -> Self {
        match not_durable {
            DeliveryError::Deadline => Self::AckDeadline,
            DeliveryError::HeldUp => Self::HeldUp,
            DeliveryError::Failed(RecordFailure::QueueFull) => Self::QueueFull,
            DeliveryError::Failed(_) => Self::Kafka,
            DeliveryError::Spool(AppendError::Full | AppendError::LaneFull) => Self::SpoolFull,
            DeliveryError::Spool(AppendError::Disk) => Self::SpoolFailing,
            DeliveryError::DeadLetterQuota => Self::DeadLetterQuota,
        }
    }
}
