//! Everything that talks to Kafka; the only part that knows the client library.
//!
//! [`Producer`] is delivery's sink: it hands records over and settles their reports. [`Topics`] sees
//! to it that they have somewhere to go. [`Cluster`] is what an operator's commands see and change,
//! [`Tail`] and [`Stretch`] read topics back, [`Transactions`] writes what must not be written twice.
//! [`EmbeddedBroker`] is there for development.

mod admin;
mod cause;
mod client;
mod closing;
mod cluster;
mod config;
mod embedded;
mod probe;
mod producer;
pub mod properties;
mod tail;
mod topics;
mod transaction;

#[cfg(test)]
mod tests;

pub use cause::Cause;
pub use cluster::{Broker, Cluster, ConfigOrigin, ConfigValue, Described, Partition, Topic, same_value};
pub use config::{Config, TopicsConfig};
pub use embedded::EmbeddedBroker;
pub use probe::{Attempt, Flaw, NEVER, Probe, Skew};
pub use producer::{Producer, QueueLimits};
pub use tail::{Start, Step, Stretch, Tail, TailedRecord};
pub use topics::Topics;
pub use transaction::{KeepOn, Marker, NotCommitted, Transactions};

use rdkafka::types::RDKafkaErrorCode;

/// What could not be done with Kafka.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A property that the client library refuses, or one of its limits.
    #[error("the Kafka client cannot start: {0}")]
    Client(String),
    /// A thread could not be started.
    #[error("a thread for Kafka cannot start")]
    Thread(#[from] std::io::Error),
    /// The cluster did not answer. Names what the way there broke on, where that is known.
    #[error("Kafka does not answer: {0}")]
    Unreachable(String),
    /// The cluster does not take the credentials.
    #[error("Kafka does not let the bridge in: {0}")]
    NotLetIn(String),
    /// One side does not trust the other's certificate, or they do not agree on TLS.
    #[error("no TLS connection to Kafka: {0}")]
    Untrusted(String),
    /// The cluster answered, and its answer is no.
    #[error("Kafka refuses: {0}")]
    Refused(#[from] Refusal),
}

/// What a cluster says no with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The cluster said why.
    #[error("{words}")]
    Said {
        /// The reason in the library's words, which are the same for all of its kind.
        words: String,
        /// Whether the bridge's user lacks a right. Anything else is about what was asked for.
        is_authorization: bool,
    },
    /// No configuration came with the answer; rdkafka does not pass on why.
    #[error("the configuration is not told: the right DescribeConfigs is missing")]
    ConfigHidden,
    /// A change of configuration was answered and is not there; rdkafka does not pass on why.
    #[error("it did not take effect: a value is not right, or the right AlterConfigs is missing")]
    NoEffect,
}

impl Refusal {
    /// Whether the bridge's user lacks a right, as far as that can be known.
    pub fn is_authorization(&self) -> bool {
        matches!(self, Self::Said { is_authorization: true, .. } | Self::ConfigHidden)
    }
}

impl From<RDKafkaErrorCode> for Refusal {
    fn from(code: RDKafkaErrorCode) -> Self {
        use RDKafkaErrorCode as Code;
        // The library writes `Name (Broker: In words)`.
        let text = code.to_string();
        let words = text.split_once('(').map_or(text.as_str(), |(_, words)| words.trim_end_matches(')'));
        let is_authorization =
            matches!(code, Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed);
        Self::Said { words: words.trim_start_matches("Broker: ").to_owned(), is_authorization }
    }
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
