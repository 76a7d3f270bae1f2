use crate::kafka::KafkaRefusal;
use rdkafka::metadata::{Metadata, MetadataBroker};
use std::collections::BTreeMap;

/// Broker with its advertised address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Id of the broker.
    pub id: i32,
    /// Advertised host, which clients must reach.
    pub host: String,
    /// Advertised port.
    pub port: i32,
}

/// Answer of the cluster about a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Described {
    /// The topic does not exist.
    Missing,
    /// Mostly because the right `Describe` is missing.
    Refused(KafkaRefusal),
    /// The topic exists.
    Found(Topic),
}

/// Description of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// By id.
    pub partitions: Vec<Partition>,
    /// By name, with defaults. Refused without the right `DescribeConfigs`.
    pub config: Result<BTreeMap<String, ConfigValue>, KafkaRefusal>,
}

/// Partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Number, from zero.
    pub id: i32,
    /// `None`: there is none now.
    pub leader: Option<i32>,
    /// Ids of brokers with a replica.
    pub replicas: Vec<i32>,
    /// Ids of brokers with a replica in sync.
    pub in_sync: Vec<i32>,
}

/// Value of a topic's or a broker's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigValue {
    /// `None`: hidden, like secrets.
    pub value: Option<String>,
    /// Origin of the value.
    pub origin: ConfigOrigin,
    /// Cannot change while the broker runs.
    pub is_read_only: bool,
    /// Holds a secret.
    pub is_sensitive: bool,
}

/// Origin of a configuration value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigOrigin {
    /// Set on the topic.
    Topic,
    /// Set for the broker or the cluster.
    Broker,
    /// Kafka's default.
    Default,
}

pub(super) fn brokers(metadata: &Metadata) -> Vec<Broker> {
    let broker =
        |broker: &MetadataBroker| Broker { id: broker.id(), host: broker.host().into(), port: broker.port() };
    let mut all: Vec<_> = metadata.brokers().iter().map(broker).collect();
    all.sort_by_key(|broker| broker.id);
    all
}
