use super::Config;
use super::properties::ALIASES;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};

const DEFAULTS: [(&str, &str); 8] = [
    ("client.id", "justcall-bridge"),
    // Records are small and latency counts.
    ("socket.nagle.disable", "true"),
    // librdkafka's ten seconds would delay the backlog after an outage.
    ("reconnect.backoff.max.ms", "2000"),
    // Use `kafka.bootstrap_servers` again if no known broker answers. librdkafka's five minutes are longer
    // than senders retry.
    ("metadata.recovery.strategy", "rebootstrap"),
    ("metadata.recovery.rebootstrap.trigger.ms", "30000"),
    // Detects changes while nothing is written. A topic deleted and created again between two refreshes keeps
    // its old leaders in librdkafka while their epoch is higher.
    ("topic.metadata.refresh.interval.ms", "10000"),
    // Time for which an unknown topic stays unknown and its records wait. The bridge checks topics itself and
    // does not need librdkafka's 30 seconds.
    ("topic.metadata.propagation.max.ms", "5000"),
    // The bridge has its own metrics.
    ("enable.metrics.push", "false"),
];

const PRODUCER_DEFAULTS: [(&str, &str); 3] = [
    // Measured: docs/decisions/0037-linger-half-a-millisecond.md.
    ("linger.ms", "0.5"),
    // Far above the memory budget, which is the limit.
    ("queue.buffering.max.messages", "1000000"),
    ("queue.buffering.max.kbytes", "1048576"),
];

/// The guarantees depend on these. The validation of settings refuses other values.
const GUARANTEED_PROPERTIES: [(&str, &str); 6] = [
    ("acks", "all"),
    ("enable.idempotence", "true"),
    ("partitioner", "murmur2_random"),
    // A record that expires in librdkafka fails the whole producer, and later records overtake it.
    ("message.timeout.ms", "0"),
    ("socket.timeout.ms", "10000"),
    // It would create topics with one partition.
    ("allow.auto.create.topics", "false"),
];

pub(super) fn connection(config: &Config) -> ClientConfig {
    client(DEFAULTS, config)
}

pub(super) fn producer(config: &Config) -> ClientConfig {
    let mut client = client(DEFAULTS.into_iter().chain(PRODUCER_DEFAULTS), config);
    for (name, value) in GUARANTEED_PROPERTIES {
        client.set(name, value);
    }
    client.set("statistics.interval.ms", "5000");
    client
}

/// Operators' properties override defaults, under either name of an alias.
fn client(defaults: impl IntoIterator<Item = (&'static str, &'static str)>, config: &Config) -> ClientConfig {
    let mut client = ClientConfig::new();
    for (name, value) in defaults {
        let is_set =
            ALIASES.iter().any(|(one, other)| *one == name && config.properties.contains_key(*other));
        if !is_set {
            client.set(name, value);
        }
    }
    for (name, value) in &config.properties {
        client.set(name, value.expose());
    }
    client.set("bootstrap.servers", &config.bootstrap_servers);
    client.set("allow.auto.create.topics", "false");
    client.set_log_level(RDKafkaLogLevel::Info);
    client
}
