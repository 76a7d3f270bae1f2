//! What delivery needs of Kafka, so that a test can delay and fail it.

use super::Report;
use crate::record::Record;
use std::future::Future;
use std::pin::Pin;

/// Takes records and reports on each.
pub trait Sink: Send + Sync + 'static {
    /// Hands a record over without blocking. Its report is settled once, from any thread: at once
    /// where the record is not taken. `partition`: `None` leaves the choice to the partitioner.
    fn send(&self, record: &Record, partition: Option<u32>, report: Report);

    /// Makes sure that the topic exists, creating it where that is allowed. Returns the number of its
    /// partitions; 0: not known yet.
    fn prepare<'a>(
        &'a self,
        topic: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<u32, TopicFailure>> + Send + 'a>>;
}

/// Why a record was not acknowledged. Unknown causes are [`Failure::Other`]: refused, never rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Failure {
    /// The producer's queue has no room.
    #[error("the producer's queue is full")]
    QueueFull,
    /// The topic is not there: deleted, or not yet known to the brokers.
    #[error("the topic is not there")]
    UnknownTopic,
    /// The producer itself refuses the record for its size. The only failure that is permanent at once.
    #[error("the record is larger than the producer sends")]
    TooLarge,
    /// The broker refused the batch that the record was in. It may be an innocent's neighbour:
    /// permanent only if it is refused again when sent alone.
    #[error("the broker refused the batch that the record was in")]
    Unfit,
    /// The broker refused the batch that the record was in for a timestamp.
    #[error("the broker refused the timestamp of a record in the batch")]
    Timestamp,
    /// The broker refused the batch that the record was in, for a reason that is not known to be
    /// permanent nor to concern the whole topic.
    #[error("the broker refused the batch that the record was in, for an unknown reason")]
    Refused,
    /// The producer is in a fatal state, and another takes its place.
    #[error("the producer is being replaced")]
    Replacing,
    /// The client library takes it for delivered because Kafka took a later record of its partition, and
    /// Kafka itself never said so: it may have been refused.
    #[error("Kafka acknowledged a later record, and not this one")]
    Unproved,
    /// Any other error of the broker, or on the way to it.
    #[error("Kafka did not take the record")]
    Other,
    /// The report was dropped unsettled, as when a producer is shut down.
    #[error("the producer gave the record up")]
    Abandoned,
}

impl Failure {
    /// Every failure, in the order of declaration.
    pub const ALL: [Self; 10] = [
        Self::QueueFull,
        Self::UnknownTopic,
        Self::TooLarge,
        Self::Unfit,
        Self::Timestamp,
        Self::Refused,
        Self::Replacing,
        Self::Unproved,
        Self::Other,
        Self::Abandoned,
    ];

    /// Whether the broker answered, and another record of the batch may be the cause.
    pub(super) const fn may_be_anothers(self) -> bool {
        matches!(self, Self::Unfit | Self::Timestamp | Self::Refused)
    }

    /// Stable tag: the metric label.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::UnknownTopic => "unknown_topic",
            Self::TooLarge => "too_large",
            Self::Unfit => "unfit",
            Self::Timestamp => "timestamp",
            Self::Refused => "refused",
            Self::Replacing => "replacing",
            Self::Unproved => "unproved",
            Self::Other => "other",
            Self::Abandoned => "abandoned",
        }
    }
}

/// Why a topic could not be made sure of. Tried again with growing pauses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicFailure {
    /// It is not there, and `topics.create_missing` is off.
    #[error("the topic does not exist, and topics.create_missing is off")]
    Missing,
    /// The cluster did not answer, or refused to create it.
    #[error("{0}")]
    Cluster(String),
}
