pub(super) mod forgetful;

use super::{Config, TopicsConfig, client_config};
use std::collections::BTreeMap;

fn config(properties: &[(&str, &str)]) -> Config {
    Config {
        bootstrap_servers: "broker:9092".into(),
        properties: properties.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        topics: TopicsConfig {
            create_missing: true,
            partitions: None,
            replication_factor: None,
            config: BTreeMap::new(),
        },
    }
}

#[test]
fn operators_change_defaults_but_not_guaranteed_properties() {
    let client =
        client_config::producer(&config(&[("linger.ms", "7"), ("acks", "1"), ("message.timeout.ms", "5")]));
    let expected = [
        ("linger.ms", "7"),
        ("acks", "all"),
        ("message.timeout.ms", "0"),
        ("enable.idempotence", "true"),
        ("partitioner", "murmur2_random"),
        ("allow.auto.create.topics", "false"),
        ("bootstrap.servers", "broker:9092"),
    ];
    for (name, value) in expected {
        assert_eq!(client.get(name), Some(value), "{name}");
    }
}

#[test]
fn other_clients_get_no_producer_properties() {
    let client = client_config::connection(&config(&[]));
    for name in ["linger.ms", "queue.buffering.max.messages", "acks"] {
        assert_eq!(client.get(name), None, "the library warns of {name} in a consumer");
    }
    assert_eq!(client.get("allow.auto.create.topics"), Some("false"));
}
