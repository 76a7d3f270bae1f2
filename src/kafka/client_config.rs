//! Properties of the librdkafka clients.

use super::Config;
use super::properties::ALIASES;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};

/// Defaults of every client. Operators may change them.
const DEFAULTS: [(&str, &str); 8] = [
    ("client.id", "justcall-bridge"),
    // Records are small and latency counts: do not delay packets.
    ("socket.nagle.disable", "true"),
    // After an outage, the backlog should not wait for librdkafka's ten seconds.
    ("reconnect.backoff.max.ms", "2000"),
    // If the list of brokers changes completely: use `kafka.bootstrap_servers` again once no known broker can
    // be reached, or none has returned metadata for this time. librdkafka's five minutes are longer than
    // senders retry.
    ("metadata.recovery.strategy", "rebootstrap"),
    ("metadata.recovery.rebootstrap.trigger.ms", "30000"),
    // Detects changes of brokers and topics while nothing is written. A short interval also detects deleted
    // topics: if a topic is deleted and created again between two refreshes, librdkafka keeps the old leaders
    // while their epoch is higher.
    ("topic.metadata.refresh.interval.ms", "10000"),
    // Time for which records of an unknown topic wait without a report, and a topic that returned with its
    // old id stays unknown. The bridge checks topics itself and retries, so it does not need librdkafka's 30
    // seconds.
    ("topic.metadata.propagation.max.ms", "5000"),
    // Metrics that brokers collect from clients. The bridge has its own.
    ("enable.metrics.push", "false"),
];

/// Defaults of the producer. Operators may change them.
const PRODUCER_DEFAULTS: [(&str, &str); 3] = [
    // Measured: docs/decisions/0037-linger-half-a-millisecond.md.
    ("linger.ms", "0.5"),
    // Far above the memory budget, so that the budget is the limit.
    ("queue.buffering.max.messages", "1000000"),
    ("queue.buffering.max.kbytes", "1048576"),
];

/// Properties on which the guarantees rest. The validation of settings refuses other values.
const GUARANTEED_PROPERTIES: [(&str, &str); 6] = [
    ("acks", "all"),
    ("enable.idempotence", "true"),
    ("partitioner", "murmur2_random"),
    // A record that expires in librdkafka fails the whole producer, and later records overtake it. The bridge
    // has its own deadline.
    ("message.timeout.ms", "0"),
    ("socket.timeout.ms", "10000"),
    // It would create topics with one partition.
    ("allow.auto.create.topics", "false"),
];

/// Returns the configuration of any client of the cluster.
pub(super) fn connection(config: &Config) -> ClientConfig {
    client(DEFAULTS, config)
}

/// Returns the configuration of the producer.
pub(super) fn producer(config: &Config) -> ClientConfig {
    let mut client = client(DEFAULTS.into_iter().chain(PRODUCER_DEFAULTS), config);
    for (name, value) in GUARANTEED_PROPERTIES {
        client.set(name, value);
    }
    // librdkafka emits statistics at this interval.
    client.set("statistics.interval.ms", "5000");
    client
}

/// Applies the operator's properties over the defaults, under either name of each.
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
