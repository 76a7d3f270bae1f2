//! Interface of delivery to the producer, replaced in tests.

use super::Report;
use crate::record::Record;
use std::future::Future;
use std::pin::Pin;

/// Producer that reports on each record.
pub trait Sink: Send + Sync + 'static {
    /// Sends a record without blocking. Settles its report once, from any thread, or immediately if the
    /// record is not accepted. `partition`: `None` leaves the choice to the partitioner.
    fn send(&self, record: &Record, partition: Option<u32>, report: Report);

    /// Checks that the topic exists, or creates it if allowed. Returns its number of partitions; 0: unknown.
    fn prepare<'a>(
        &'a self,
        topic: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<u32, TopicFailure>> + Send + 'a>>;
}

/// Reason why a record was not acknowledged. An unknown reason, [`RecordFailure::Other`], never rejects an
/// event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RecordFailure {
    #[error("the producer's queue is full")]
    QueueFull,
    /// The topic was deleted, or the brokers do not know it yet.
    #[error("the topic is not there")]
    UnknownTopic,
    /// The producer refuses the record for its size. Permanent without a second try.
    #[error("the record is larger than the producer sends")]
    TooLarge,
    /// The broker refused the batch. Permanent only if the record was alone in it.
    #[error("the broker refused the batch that the record was in")]
    Unfit,
    #[error("the broker refused the timestamp of a record in the batch")]
    Timestamp,
    /// The broker refused the batch with this error, neither known to be permanent nor to concern the whole
    /// topic.
    #[error("the broker refused the batch that the record was in: {0}")]
    Refused(&'static str),
    /// The producer is in a fatal state and is being replaced.
    #[error("the producer is being replaced")]
    Replacing,
    /// librdkafka reports the record as delivered because Kafka accepted a later one of its partition. Kafka
    /// may have refused it.
    #[error("Kafka acknowledged a later record, and not this one")]
    Unproved,
    #[error("Kafka did not take the record")]
    Other,
    /// The report was dropped, as when a producer is shut down.
    #[error("the producer gave the record up")]
    Abandoned,
}

impl RecordFailure {
    pub const ALL: [Self; 10] = [
        Self::QueueFull,
        Self::UnknownTopic,
        Self::TooLarge,
        Self::Unfit,
        Self::Timestamp,
        Self::Refused("unknown error"),
        Self::Replacing,
        Self::Unproved,
        Self::Other,
        Self::Abandoned,
    ];

    pub(super) const fn may_be_anothers(self) -> bool {
        matches!(self, Self::Unfit | Self::Timestamp | Self::Refused(_))
    }

    /// Returns the stable tag for metrics.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::UnknownTopic => "unknown_topic",
            Self::TooLarge => "too_large",
            Self::Unfit => "unfit",
            Self::Timestamp => "timestamp",
            Self::Refused(_) => "refused",
            Self::Replacing => "replacing",
            Self::Unproved => "unproved",
            Self::Other => "other",
            Self::Abandoned => "abandoned",
        }
    }
}

/// Reason why a topic is not ready.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicFailure {
    /// The topic does not exist, and `topics.create_missing` is off.
    #[error("the topic does not exist, and topics.create_missing is off")]
    Missing,
    /// The cluster did not answer, or refused to create the topic.
    #[error("{0}")]
    Cluster(String),
}
