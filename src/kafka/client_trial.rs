//! Trial creation of the clients, because librdkafka detects some faults only there.

use super::client_config::{connection, producer};
use super::properties::{Properties, is_known};
use super::{Config, TopicsConfig};
use rdkafka::config::{ClientConfig, FromClientConfig};
use rdkafka::error::KafkaError;
use rdkafka::producer::BaseProducer;
use std::collections::BTreeMap;

/// Reason why librdkafka creates no client although it accepts each value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CreationFault {
    /// Properties that the reason names.
    pub properties: Vec<String>,
    pub reason: String,
}

/// Creates the clients of `serve` without servers, so that no connection is opened, and returns the first
/// fault.
pub(crate) fn creation_fault(properties: &Properties) -> Option<CreationFault> {
    let reason = for_trial(properties).iter().find_map(|client| match BaseProducer::from_config(client) {
        Ok(_) => None,
        Err(KafkaError::ClientCreation(reason)) => Some(reason),
        Err(KafkaError::ClientConfig(_, description, ..)) => Some(description),
        Err(error) => Some(error.to_string()),
    })?;
    // A path may contain the name of a property.
    let paths = properties.values().filter(|value| value.contains('/'));
    let words = paths.fold(reason.clone(), |words, path| words.replace(path, ""));
    let is_of_name = |each: char| each.is_ascii_alphanumeric() || "._".contains(each);
    let names = words.split(|each| !is_of_name(each)).filter(|word| word.contains('.') && is_known(word));
    Some(CreationFault { properties: names.map(str::to_owned).collect(), reason })
}

fn for_trial(properties: &Properties) -> [ClientConfig; 2] {
    let properties = properties.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let config = Config {
        bootstrap_servers: String::new(),
        properties,
        topics: TopicsConfig {
            create_missing: false,
            partitions: None,
            replication_factor: None,
            config: BTreeMap::new(),
        },
    };
    [producer(&config), connection(&config)].map(|mut client| {
        client.remove("bootstrap.servers");
        client
    })
}
