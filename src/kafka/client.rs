//! How every client of the library is set up, and where its own words go.

use super::Config;
use crate::telemetry::Readiness;
use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Good for every client of the bridge, and the operator's to change.
const DEFAULTS: [(&str, &str); 8] = [
    ("client.id", "justcall-bridge"),
    // Records are small and somebody waits for each: never hold one back for a fuller packet.
    ("socket.nagle.disable", "true"),
    // After an outage the backlog should not wait for the library's ten seconds.
    ("reconnect.backoff.max.ms", "2000"),
    // A list of brokers that changed as a whole: start again from `kafka.bootstrap_servers` once none
    // of the known brokers can be reached, or once none has told its metadata for this long. The
    // library's five minutes would outlast every sender's patience.
    ("metadata.recovery.strategy", "rebootstrap"),
    ("metadata.recovery.rebootstrap.trigger.ms", "30000"),
    // Brokers and topics that change while nothing is written. The sooner a topic is seen to be gone,
    // the surer the library forgets its leaders: of a topic deleted and made again between two looks it
    // keeps the old leaders as long as their epoch is higher.
    ("topic.metadata.refresh.interval.ms", "10000"),
    // For so long records of a topic that the brokers do not know wait without a report, and so long a
    // topic that is there again under its old id stays gone. The bridge asks before it writes and tries
    // again, so that it need not outwait the slowest cluster as the library does with 30 seconds.
    ("topic.metadata.propagation.max.ms", "5000"),
    // What brokers may ask clients to measure for them. The bridge measures itself, and each request would
    // be measured twice.
    ("enable.metrics.push", "false"),
];

/// Good for the producer, and the operator's to change.
const PRODUCER_DEFAULTS: [(&str, &str); 3] = [
    // Measured: see ARCHITECTURE.md, Decisions.
    ("linger.ms", "0.5"),
    // Far above what the budget in bytes admits, so that the budget decides.
    ("queue.buffering.max.messages", "1000000"),
    ("queue.buffering.max.kbytes", "1048576"),
];

/// What the promises rest on. Settings that say otherwise are refused before they come here.
const PROMISED: [(&str, &str); 6] = [
    ("acks", "all"),
    ("enable.idempotence", "true"),
    ("partitioner", "murmur2_random"),
    // A record that times out inside the library drains the whole producer and lets later records
    // overtake it. The deadline is the bridge's own.
    ("message.timeout.ms", "0"),
    ("socket.timeout.ms", "10000"),
    // It would make topics of one partition behind the operator's back.
    ("allow.auto.create.topics", "false"),
];

/// What any client needs to reach the cluster.
pub(super) fn connection(config: &Config) -> ClientConfig {
    client(DEFAULTS, config)
}

/// What the producer needs besides.
pub(super) fn producer(config: &Config) -> ClientConfig {
    let mut client = client(DEFAULTS.into_iter().chain(PRODUCER_DEFAULTS), config);
    for (name, value) in PROMISED {
        client.set(name, value);
    }
    // The library writes them down every few seconds, whatever the load.
    client.set("statistics.interval.ms", "5000");
    client
}

/// Returns the producer's configuration for these properties, to try whether a client can be created.
pub(super) fn for_trial(properties: &BTreeMap<String, String>) -> ClientConfig {
    let properties = properties.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    producer(&Config {
        bootstrap_servers: String::new(),
        properties,
        topics: super::TopicsConfig {
            create_missing: false,
            partitions: None,
            replication_factor: None,
            config: BTreeMap::new(),
        },
    })
}

/// The operator's properties go over the defaults, under whichever of its names each is written.
fn client(defaults: impl IntoIterator<Item = (&'static str, &'static str)>, config: &Config) -> ClientConfig {
    let mut client = ClientConfig::new();
    for (name, value) in defaults {
        client.set(name, value);
    }
    for (name, value) in &config.properties {
        client.set(name, value.expose());
    }
    client.set("bootstrap.servers", &config.bootstrap_servers);
    client.set("allow.auto.create.topics", "false");
    client.set_log_level(RDKafkaLogLevel::Info);
    client
}

/// Turns the library's log lines and errors into tracing events.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) readiness: Arc<Readiness>,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        use RDKafkaErrorCode as Code;
        match error.rdkafka_error_code() {
            // Said when it begins and when it ends; the library says it at every attempt.
            Some(Code::AllBrokersDown) => self.readiness.kafka_down("no broker can be reached"),
            // The library logs the same, and less often.
            Some(Code::BrokerTransportFailure) => {}
            // A reader's client looks for a coordinator of the group that it never joins, and asks to be
            // told where a partition ends.
            Some(Code::GroupAuthorizationFailed | Code::PartitionEOF) => {}
            _ => tracing::warn!(target: "librdkafka", %error, "{reason}"),
        }
    }
}

/// Turns a log line of the library into a tracing event.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    use RDKafkaLogLevel as Level;
    match level {
        Level::Emerg | Level::Alert | Level::Critical | Level::Error => {
            tracing::error!(target: "librdkafka", facility, "{message}");
        }
        Level::Warning => tracing::warn!(target: "librdkafka", facility, "{message}"),
        Level::Notice | Level::Info => tracing::info!(target: "librdkafka", facility, "{message}"),
        Level::Debug => tracing::debug!(target: "librdkafka", facility, "{message}"),
    }
}
