//! How every client of the library is set up, and where its own words go.

use super::Config;
use super::properties::{ALIASES, Properties};
use crate::health::Readiness;
use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

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
    // Reason: docs/decisions/0037-linger-half-a-millisecond.md.
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

/// Returns the configurations of the clients that `serve` creates, without servers, to try them.
pub(super) fn for_trial(properties: &Properties) -> [ClientConfig; 2] {
    let properties = properties.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let config = Config {
        bootstrap_servers: String::new(),
        properties,
        topics: super::TopicsConfig {
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

/// The operator's properties go over the defaults, under whichever of its names each is written.
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

/// Reports a client's errors: each cause as one line, and to the readiness.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) readiness: Arc<Readiness>,
    causes: Arc<Causes>,
}

impl Context {
    pub(super) fn new(readiness: Arc<Readiness>) -> Self {
        Self { readiness, causes: Arc::default() }
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        use RDKafkaErrorCode as Code;
        let reason = plain(reason);
        match error.rdkafka_error_code() {
            // librdkafka repeats it at every attempt.
            Some(Code::AllBrokersDown) => self.readiness.kafka_down("no broker can be reached"),
            // A reader's client looks for a coordinator of the group that it never joins, and asks to be
            // told where a partition ends.
            Some(Code::GroupAuthorizationFailed | Code::PartitionEOF) => {}
            Some(Code::Fatal) => tracing::error!(%error, reason, "librdkafka failed for good"),
            _ => {
                self.readiness.kafka_failed(reason);
                // Brokers close idle connections, and restart; what follows has the cause.
                let is_end = reason.contains("Disconnected");
                if !is_end && self.causes.is_news(reason, Instant::now()) {
                    tracing::warn!(reason, "a request to Kafka failed");
                }
            }
        }
    }
}

/// Causes that were logged a short while ago.
#[derive(Default)]
struct Causes(Mutex<HashMap<String, Instant>>);

impl Causes {
    /// Interval after which the same cause is logged again.
    const REPEAT_INTERVAL: Duration = Duration::from_secs(600);

    /// Most causes that are remembered; further ones are not logged.
    const MAX_CAUSES: usize = 64;

    /// Returns whether a cause is to be logged.
    fn is_news(&self, cause: &str, now: Instant) -> bool {
        let mut causes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        causes.retain(|_, at| now.saturating_duration_since(*at) < Self::REPEAT_INTERVAL);
        if causes.len() >= Self::MAX_CAUSES || causes.contains_key(cause) {
            return false;
        }
        causes.insert(cause.to_owned(), now);
        true
    }
}

/// Returns a reason without state and time, with which librdkafka ends it and which differ each time.
pub(super) fn plain(reason: &str) -> &str {
    reason.find(" (after ").map_or(reason, |end| &reason[..end])
}

/// Logs a line of librdkafka, at debug whatever its level: [`Context`] logs the causes.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    tracing::debug!(target: "librdkafka", level = ?level, facility, "{message}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cause_is_logged_once_in_ten_minutes() {
        let (causes, start) = (Causes::default(), Instant::now());
        assert!(causes.is_news("refused", start) && !causes.is_news("refused", start));
        assert!(causes.is_news("unresolved", start));
        let later = start + Causes::REPEAT_INTERVAL;
        assert!(causes.is_news("refused", later) && !causes.is_news("refused", later));
        for n in 0..2 * Causes::MAX_CAUSES {
            causes.is_news(&n.to_string(), later);
        }
        assert!(!causes.is_news("one more", later));
    }
}
