//! Everything that talks to Kafka; the only part that knows the client library.
//!
//! [`Producer`] is delivery's sink: it hands records over and settles their reports. [`Topics`] sees
//! to it that they have somewhere to go. [`Tail`] and [`Stretch`] read topics back, [`Transactions`]
//! writes what must not be written twice. [`EmbeddedBroker`] is there for development.

mod client;
mod config;
mod embedded;
mod producer;
pub mod properties;
mod tail;
mod topics;
mod transaction;

#[cfg(test)]
mod tests;

pub use config::{Config, TopicsConfig};
pub use embedded::EmbeddedBroker;
pub use producer::{Producer, QueueLimits};
pub use tail::{Start, Step, Stretch, Tail, TailedRecord};
pub use topics::Topics;
pub use transaction::{KeepOn, Marker, NotCommitted, Transactions};

/// What could not be done with Kafka.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A property that the client library refuses, or one of its limits.
    #[error("the Kafka client cannot start: {0}")]
    Client(String),
    /// A thread could not be started.
    #[error("a thread for Kafka cannot start")]
    Thread(#[from] std::io::Error),
    /// The cluster did not answer.
    #[error("Kafka does not answer: {0}")]
    Unreachable(String),
    /// The cluster answers, and does not allow it.
    #[error("Kafka refuses: {0}")]
    Refused(String),
}

impl From<rdkafka::error::KafkaError> for Error {
    fn from(error: rdkafka::error::KafkaError) -> Self {
        use rdkafka::error::KafkaError;
        Self::Client(match error {
            // The library's own text ends with the value, which may be secret.
            KafkaError::ClientConfig(_, description, name, _) => {
                format!("kafka.properties.{name}: {description}")
            }
            error => error.to_string(),
        })
    }
}
