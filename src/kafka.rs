//! Kafka clients. Only this room uses librdkafka.

mod admin;
mod background_drop;
mod client_config;
mod client_context;
pub(crate) mod client_trial;
mod cluster;
mod config;
mod connect_diagnosis;
mod embedded_broker;
mod producer;
pub(crate) mod properties;
mod tail;
mod topic_provisioner;
mod transactional_producer;
mod write_probe;

#[cfg(test)]
mod tests;

pub(crate) use cluster::{Broker, ConfigValue, Partition, Topic, same_value};
#[allow(unreachable_pub, reason = "exported by `internals`")]
pub use cluster::{Cluster, ConfigOrigin, Described};
#[allow(unreachable_pub, reason = "exported by `internals`")]
pub use config::{Config, TopicsConfig};
pub(crate) use connect_diagnosis::Cause;
pub(crate) use embedded_broker::EmbeddedBroker;
pub(crate) use producer::Producer;
pub(crate) use tail::{BoundedReader, ReadStep, StartPosition, Tail, TailedRecord};
pub(crate) use topic_provisioner::TopicProvisioner;
pub(crate) use transactional_producer::{CommitError, Marker, ShouldRetry, TransactionalProducer};
pub(crate) use write_probe::{ProbeOutcome, RecordFlaw, WriteProbe};

use rdkafka::types::RDKafkaErrorCode;

/// Failed operation on Kafka.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// librdkafka rejects a property, or reached one of its limits.
    #[error("the Kafka client cannot start: {0}")]
    Client(String),
    /// A thread cannot be started.
    #[error("a thread for Kafka cannot start")]
    Thread(#[from] std::io::Error),
    /// The cluster did not answer. Contains the known causes.
    #[error("Kafka does not answer: {0}")]
    Unreachable(String),
    /// The cluster rejects the credentials.
    #[error("Kafka authentication failed: {0}")]
    AuthenticationFailed(String),
    /// The TLS handshake failed.
    #[error("no TLS connection to Kafka: {0}")]
    TlsFailed(String),
    /// The cluster refused the request.
    #[error("Kafka refuses: {0}")]
    Refused(#[from] KafkaRefusal),
}

/// Reason why a cluster refuses a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KafkaRefusal {
    /// The broker returned an error.
    #[error("{words}")]
    BrokerError {
        /// librdkafka's description of the error code.
        words: String,
        /// True if the bridge's user lacks a right.
        is_authorization: bool,
    },
    /// rdkafka does not pass on why an answer has no configuration.
    #[error("the configuration is hidden: the right DescribeConfigs is missing")]
    ConfigHidden,
    /// A change was answered but is not visible; rdkafka does not pass on the reason.
    #[error("the change did not take effect: a value is invalid, or the right AlterConfigs is missing")]
    NoEffect,
}

impl KafkaRefusal {
    /// Returns whether a right is known to be missing.
    pub fn is_authorization(&self) -> bool {
        matches!(self, Self::BrokerError { is_authorization: true, .. } | Self::ConfigHidden)
    }
}

impl From<RDKafkaErrorCode> for KafkaRefusal {
    fn from(code: RDKafkaErrorCode) -> Self {
        use RDKafkaErrorCode as Code;
        // librdkafka's text has the form `Name (Broker: Description)`.
        let text = code.to_string();
        let words = text.split_once('(').map_or(text.as_str(), |(_, words)| words.trim_end_matches(')'));
        let is_authorization =
            matches!(code, Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed);
        Self::BrokerError { words: words.trim_start_matches("Broker: ").to_owned(), is_authorization }
    }
}

impl From<rdkafka::error::KafkaError> for Error {
    fn from(error: rdkafka::error::KafkaError) -> Self {
        use rdkafka::error::KafkaError;
        Self::Client(match error {
            // librdkafka's own text ends with the value, which may be secret.
            KafkaError::ClientConfig(_, description, name, _) => {
                format!("kafka.properties.{name}: {description}")
            }
            error => error.to_string(),
        })
    }
}
