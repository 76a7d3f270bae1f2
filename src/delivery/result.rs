use super::{AppendError, RecordFailure};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durable {
    Acked,
    /// At least one record is in the spool.
    Spooled,
    /// Kafka acknowledged all records, at least one as a dead letter because Kafka permanently refuses it.
    DeadLettered(RecordFailure),
    /// As [`Durable::DeadLettered`], by an earlier delivery of the event.
    DeadLetteredBefore,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// Records may still be acknowledged later.
    #[error("not acknowledged within the deadline")]
    Deadline,
    /// The circuit of the topic is open and there is no spool.
    #[error("Kafka does not take records for this topic at the moment")]
    HeldUp,
    #[error(transparent)]
    Failed(#[from] RecordFailure),
    #[error(transparent)]
    Spool(#[from] AppendError),
    #[error("too many rejected events at once")]
    DeadLetterQuota,
}

impl DeliveryError {
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
