//! Settings for Kafka.

use crate::secret::Secret;
use std::collections::BTreeMap;

/// Settings under `kafka` and `topics`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Addresses as `host:port`, separated by commas.
    pub bootstrap_servers: String,
    /// librdkafka properties, those read from files included. Some are secret, so all are treated as secret.
    pub properties: BTreeMap<String, Secret>,
    /// Creation of missing topics.
    pub topics: TopicsConfig,
}

/// Settings under `topics`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicsConfig {
    /// True if a missing topic is created on first use.
    pub create_missing: bool,
    /// Partitions of a new topic; `None`: the broker's default.
    pub partitions: Option<i32>,
    /// Replicas of a new topic; `None`: the broker's default.
    pub replication_factor: Option<i32>,
    /// Topic configuration of a new topic, such as `retention.ms`.
    pub config: BTreeMap<String, String>,
}
