use crate::secret::Secret;
use std::collections::BTreeMap;

/// Settings under `kafka` and `topics`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Addresses as `host:port`, separated by commas.
    pub bootstrap_servers: String,
    /// librdkafka properties, those from files included. All are treated as secret, because some are.
    pub properties: BTreeMap<String, Secret>,
    /// Creation of missing topics.
    pub topics: TopicsConfig,
}

/// Settings under `topics`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicsConfig {
    /// Creates a missing topic on first use.
    pub create_missing: bool,
    /// `None`: the broker's default.
    pub partitions: Option<i32>,
    /// `None`: the broker's default.
    pub replication_factor: Option<i32>,
    /// Configuration of a new topic, such as `retention.ms`.
    pub config: BTreeMap<String, String>,
}
