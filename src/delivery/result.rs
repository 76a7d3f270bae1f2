//! Results of the delivery of an event.

use super::{AppendError, RecordFailure};

/// Durability of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durable {
    /// Kafka acknowledged all records.
    Acked,
    /// At least one record is in the spool.
    Spooled,
    /// Kafka acknowledged all records, at least one of them as a dead letter, because Kafka permanently
    /// refuses it.
    DeadLettered(RecordFailure),
    /// As [`Durable::DeadLettered`], and an earlier delivery of the event wrote these dead letters.
    DeadLetteredBefore,
}

/// Reason why an event is not durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// The deadline passed. Records may still be acknowledged later.
    #[error("not acknowledged within the deadline")]
    Deadline,
    /// The circuit of the topic is open and there is no spool.
    #[error("Kafka does not take records for this topic at the moment")]
    HeldUp,
    /// A record failed.
    #[error(transparent)]
    Failed(#[from] RecordFailure),
    /// The spool refused a record.
    #[error(transparent)]
    Spool(#[from] AppendError),
    /// Dead letters exceed their limits.
    #[error("too many rejected events at once")]
    DeadLetterQuota,
}

impl DeliveryError {
    /// Returns the stable tag.
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::Deadline => "ack_deadline",
            Self::HeldUp => "held_up",
            Self::Failed(failure) => failure.tag(),
            Self::Spool(AppendError::Full | AppendError::LaneFull) => "spool_full",
            Self::Spool(AppendError::Disk) => "spool_failing",
            Self::DeadLetterQuota => "dead_letter_quota",
        }
    }
}
