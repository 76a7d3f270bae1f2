//! How delivering an event ends.

use super::{Failure, Refused};

/// How an event's records are durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durable {
    /// All acknowledged by Kafka.
    Acked,
    /// At least one is in the spool.
    Spooled,
    /// Acknowledged, at least one as a dead letter, because Kafka refuses the record permanently.
    DeadLettered(Failure),
}

/// Why an event is not durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// The deadline passed. The records may still be acknowledged later.
    #[error("not acknowledged within the deadline")]
    Deadline,
    /// The lane has failed just now and there is no spool.
    #[error("Kafka does not take records for this topic at the moment")]
    HeldUp,
    /// A record failed.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// It must be spooled, and the spool does not take it.
    #[error(transparent)]
    Spool(#[from] Refused),
    /// More rejected events than the spool takes of them.
    #[error("too many rejected events at once")]
    DeadLetterQuota,
}

impl DeliveryError {
    /// Stable tag.
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::Deadline => "ack_deadline",
            Self::HeldUp => "held_up",
            Self::Failed(failure) => failure.tag(),
            Self::Spool(Refused::Full | Refused::LaneFull) => "spool_full",
            Self::Spool(Refused::Disk) => "spool_failing",
            Self::DeadLetterQuota => "dead_letter_quota",
        }
    }
}
