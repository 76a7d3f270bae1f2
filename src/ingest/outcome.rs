//! How an event ended.

use crate::record::names;
use crate::telemetry::EventOutcome;
use justcall_events::EventId;
use justcall_events::signature::Fault;
use justcall_events::{Malformed, Violation};

/// How one webhook ended; the answer follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Every record of the event is acknowledged by Kafka.
    Acked(EventId),
    /// Every record of the event is durable, at least one of them in the spool.
    Spooled(EventId),
    /// The same event was durable before: nothing was written.
    Duplicate(EventId),
    /// A route drops it: nothing was written.
    Dropped(EventId),
    /// JustCall trying the URL: nothing was written.
    Probe,
    /// Not forwarded, and durable as a dead letter.
    DeadLettered(EventId, Rejection),
    /// Not durable now; a retry can help.
    Refused(Refusal),
    /// Not let in, and not kept: who sent it is not known.
    Denied(Denial),
}

impl Outcome {
    /// What it counts as.
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

    /// Why it did not end well, as a stable tag.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::DeadLettered(_, rejection) => Some(rejection.tag()),
            Self::Refused(refusal) => Some(refusal.tag()),
            Self::Denied(denial) => Some(denial.tag()),
            _ => None,
        }
    }

    /// Whether whoever sent it was let in. Anybody may send a probe.
    pub fn is_let_in(&self) -> bool {
        !matches!(
            self,
            Self::Probe
                | Self::Denied(_)
                | Self::Refused(Refusal::SignatureMismatch | Refusal::SignatureStale)
        )
    }
}

/// Why an event is not let in: 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Denial {
    /// Its signature does not hold, and never will.
    #[error("{0}")]
    Signature(Fault),
    /// It must be signed, and too little of it can be read to see by whom.
    #[error("the body is no JustCall envelope, so that its signature cannot be verified")]
    Unverifiable,
    /// It did not come with the source's token.
    #[error("the token is missing or wrong")]
    Token,
}

impl Denial {
    /// Every denial. A signature that a retry can help is refused instead.
    pub const ALL: [Self; 7] = [
        Self::Signature(Fault::Missing),
        Self::Signature(Fault::Version),
        Self::Signature(Fault::Malformed),
        Self::Signature(Fault::NoUrl),
        Self::Signature(Fault::UrlNotAllowed),
        Self::Unverifiable,
        Self::Token,
    ];

    /// Stable tag: the metric label.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Signature(fault) => fault.tag(),
            Self::Unverifiable => "unverifiable",
            Self::Token => "token",
        }
    }
}

/// Why no retry can help an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// No envelope: 400.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Against the contract of its type: 422.
    #[error(transparent)]
    Violation(#[from] Violation),
    /// A type that neither JustCall's lists nor a route name, under `unknown_events: dead_letter`:
    /// 200, for the sender did nothing wrong.
    #[error("no route names this type, and unknown_events is dead_letter")]
    UnknownType,
    /// A record of it is larger than Kafka takes: 422.
    #[error("a record of the event is larger than Kafka takes")]
    TooLargeForKafka,
    /// Kafka refuses a record of it permanently, also when it is sent alone: 422.
    #[error("Kafka refuses a record of the event")]
    RefusedByKafka,
}

impl Rejection {
    /// Stable tag: the `dlq_reason` header and the metric label.
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

/// Why an event is not durable now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// Kafka did not acknowledge in time.
    #[error("Kafka did not acknowledge the event in time")]
    Deadline,
    /// The producer's queue is full.
    #[error("the queue to Kafka is full")]
    QueueFull,
    /// Kafka, or the way there, failed.
    #[error("Kafka did not take the event")]
    Kafka,
    /// The topic's records were not acknowledged just now.
    #[error("Kafka does not take records for this topic at the moment")]
    HeldUp,
    /// The spool, or the topic's share of it, is full.
    #[error("the spool is full")]
    SpoolFull,
    /// The spool's disk fails.
    #[error("the spool cannot be written")]
    SpoolFailing,
    /// More events are rejected than the spool keeps of them.
    #[error("too many rejected events at once")]
    DeadLetterQuota,
    /// More is in flight than `server.max_in_flight` admits.
    #[error("too much is in flight")]
    OverBudget,
    /// The same event is in flight and ended without an outcome.
    #[error("the same event is in flight and is not durable yet")]
    InFlight,
    /// Its signature matches no secret that is known yet: one may be on its way here.
    #[error("{}", Fault::NoMatch)]
    SignatureMismatch,
    /// Its signature was made too long ago or too far ahead, by this machine's clock.
    #[error("{}", Fault::Stale)]
    SignatureStale,
}

impl Refusal {
    /// Every refusal, in the order of declaration.
    pub const ALL: [Self; 11] = [
        Self::Deadline,
        Self::QueueFull,
        Self::Kafka,
        Self::HeldUp,
        Self::SpoolFull,
        Self::SpoolFailing,
        Self::DeadLetterQuota,
        Self::OverBudget,
        Self::InFlight,
        Self::SignatureMismatch,
        Self::SignatureStale,
    ];

    /// Stable tag: the metric label.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Deadline => "ack_deadline",
            Self::QueueFull => "queue_full",
            Self::Kafka => "kafka",
            Self::HeldUp => "held_up",
            Self::SpoolFull => "spool_full",
            Self::SpoolFailing => "spool_failing",
            Self::DeadLetterQuota => "dead_letter_quota",
            Self::OverBudget => "over_budget",
            Self::InFlight => "duplicate_in_flight",
            Self::SignatureMismatch => Fault::NoMatch.tag(),
            Self::SignatureStale => Fault::Stale.tag(),
        }
    }
}
