//! Outcomes of webhooks and their reasons.

use crate::delivery::{AppendError, DeliveryError, RecordFailure};
use crate::record::names;
use crate::telemetry::EventOutcome;
use justcall_events::signature::Fault;
use justcall_events::{EventId, Malformed, Violation};
use strum::{IntoStaticStr, VariantArray};

/// Outcome of one webhook, which determines the response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Kafka acknowledged every record of the event.
    Acked(EventId),
    /// Every record of the event is durable, at least one of them in the spool.
    Spooled(EventId),
    /// The same event is already durable. Nothing was written.
    Duplicate(EventId),
    /// A route drops the event. Nothing was written.
    Dropped(EventId),
    /// JustCall's test of a URL. Nothing was written.
    Probe,
    /// Not forwarded, and durable as a dead letter.
    DeadLettered(EventId, Rejection),
    /// Not durable now. A retry may succeed.
    Refused(Refusal),
    /// Not authenticated, and not kept.
    Denied(Denial),
}

impl Outcome {
    /// Returns the kind of outcome that metrics and traces name.
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

    /// Returns the stable tag of the reason, if the event was not forwarded as usual.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::DeadLettered(_, rejection) => Some(rejection.tag()),
            Self::Refused(refusal) => Some(refusal.tag()),
            Self::Denied(denial) => Some(denial.tag()),
            _ => None,
        }
    }

    /// Returns whether the sender was authenticated. Probes need no authentication.
    pub fn is_authenticated(&self) -> bool {
        !matches!(
            self,
            Self::Probe
                | Self::Denied(_)
                | Self::Refused(Refusal::SignatureMismatch | Refusal::SignatureStale)
        )
    }
}

/// Denies a request whose signature no retry can make valid.
///
/// A secret that is still to be mounted, or a corrected clock, may make the others valid. These are refused,
/// because a 401 would lose the events that are sent during a rotation.
impl From<Fault> for Outcome {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::NoMatch => Self::Refused(Refusal::SignatureMismatch),
            Fault::Stale => Self::Refused(Refusal::SignatureStale),
            fault => Self::Denied(Denial::Signature(fault)),
        }
    }
}

/// Reason why an event is not authenticated: 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Denial {
    /// The signature is missing or permanently invalid.
    #[error("{0}")]
    Signature(Fault),
    /// The body has no readable envelope, which a required signature covers.
    #[error("the body is not a JustCall envelope, so its signature cannot be verified")]
    Unverifiable,
    /// The token of the source is missing or wrong.
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

    /// Returns the stable tag: the label of metrics.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Signature(fault) => fault.tag(),
            Self::Unverifiable => "unverifiable",
            Self::Token => "token",
        }
    }
}

/// Reason why no retry can succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The body has no envelope: 400.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The body violates the contract of its type: 422.
    #[error(transparent)]
    Violation(#[from] Violation),
    /// Neither JustCall's lists nor a route name the type, and `unknown_events` is `dead_letter`: 200, because
    /// the sender made no error.
    #[error("no route names this type, and unknown_events is dead_letter")]
    UnknownType,
    /// A record of the event exceeds Kafka's limit: 422.
    #[error("a record of the event is larger than Kafka accepts")]
    TooLargeForKafka,
    /// Kafka permanently refuses a record of the event, also when it is sent alone: 422.
    #[error("Kafka refuses a record of the event")]
    RefusedByKafka,
}

impl Rejection {
    /// Returns the stable tag: the `dlq_reason` header and the label of metrics.
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

/// Reason why an event is not durable now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Refusal {
    /// Kafka did not acknowledge within `kafka.ack_deadline`.
    #[error("Kafka did not acknowledge the event in time")]
    AckDeadline,
    /// The producer's queue is full.
    #[error("the queue to Kafka is full")]
    QueueFull,
    /// Kafka, or the connection to it, failed.
    #[error("Kafka did not accept the event")]
    Kafka,
    /// The circuit of the topic is open.
    #[error("Kafka does not take records for this topic at the moment")]
    HeldUp,
    /// The spool, or the topic's share of it, is full.
    #[error("the spool is full")]
    SpoolFull,
    /// The disk of the spool fails.
    #[error("the spool cannot be written")]
    SpoolFailing,
    /// Rejected events exceed the limits on dead letters.
    #[error("too many rejected events at once")]
    DeadLetterQuota,
    /// The events in flight exceed `server.max_in_flight`.
    #[error("too much is in flight")]
    OverBudget,
    /// The same event is in flight and is not durable yet.
    #[error("the same event is in flight and is not durable yet")]
    DuplicateInFlight,
    /// The signature matches no known secret. The right one may not be mounted yet.
    #[error("{}", Fault::NoMatch)]
    SignatureMismatch,
    /// The signed time is too far from the time of this machine.
    #[error("{}", Fault::Stale)]
    SignatureStale,
}

impl Refusal {
    /// All refusals, in the order of declaration.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// Returns the stable tag: the label of metrics.
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
