//! Validation of librdkafka properties: those that guarantees depend on are refused.

use rdkafka::config::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;
use std::collections::BTreeMap;

#[cfg(test)]
mod tests;

/// Largest number of requests with which an idempotent producer keeps order.
const MAX_IN_FLIGHT: u32 = 5;

/// Returns the reason of a refusal.
pub(crate) fn refused(name: &str, value: &str) -> Option<&'static str> {
    let reason = match name {
        "acks" | "request.required.acks" => {
            "is always `all`: a 200 means that every in-sync replica has the record"
        }
        "enable.idempotence" => "is always on: without it a retry can write twice or out of order",
        "produce.offset.report" | "delivery.report.only.error" | "dr_cb" | "dr_msg_cb" => {
            "would change the delivery reports that answers wait for"
        }
        // An expired record fails the whole producer, and later records overtake it.
        "message.timeout.ms" | "delivery.timeout.ms" => {
            "is always 0: one expiry would halt every topic and break order; `kafka.ack_deadline` is the time to set"
        }
        "socket.timeout.ms" => "is fixed, so that a frozen broker is noticed in time",
        "retries" | "message.send.max.retries" => {
            "is unlimited: giving up on a record would break order; `kafka.ack_deadline` is the time to set"
        }
        "max.in.flight" | "max.in.flight.requests.per.connection" => {
            return in_flight(value);
        }
        "enable.gapless.guarantee" => "would stop the producer for good at the first record that fails",
        "queuing.strategy" => "is always first in, first out: anything else breaks order",
        "partitioner" | "partitioner_cb" | "msg_order_cmp" => {
            "is always `murmur2_random`, so that Java clients find a key in the same partition"
        }
        "transactional.id" | "transaction.timeout.ms" => {
            "would hide records from readers until a commit that never comes"
        }
        "allow.auto.create.topics" => {
            "is always off: it makes topics of one partition; see `topics.create_missing`"
        }
        "bootstrap.servers" | "metadata.broker.list" => "is set as `kafka.bootstrap_servers`",
        "statistics.interval.ms" => "is the bridge's own: some of its metrics rest on those statistics",
        "opaque" | "enabled_events" | "default_topic_conf" => "is used by the bridge itself",
        "plugin.library.paths" | "ssl.engine.location" | "ssl.providers" => {
            "would load foreign code into the bridge"
        }
        "internal.termination.signal" => "would take a signal from the bridge, such as the one that stops it",
        "test.mock.num.brokers" | "test.mock.broker.rtt" => "would write to memory instead of Kafka",
        _ if name.ends_with("_cb") => "is a callback, which only code can set",
        _ if name.strip_prefix("topic.").is_some_and(is_known) => "is written without `topic.`",
        _ => return None,
    };
    Some(reason)
}

fn in_flight(value: &str) -> Option<&'static str> {
    let keeps_order = value.trim().parse().is_ok_and(|number| (1..=MAX_IN_FLIGHT).contains(&number));
    (!keeps_order).then_some("must be from 1 to 5: an idempotent producer keeps order up to there")
}

/// Second names. If both are set, librdkafka applies them in random order.
pub(crate) const ALIASES: [(&str, &str); 6] = [
    ("linger.ms", "queue.buffering.max.ms"),
    ("compression.type", "compression.codec"),
    ("sasl.mechanism", "sasl.mechanisms"),
    ("max.in.flight.requests.per.connection", "max.in.flight"),
    ("max.partition.fetch.bytes", "fetch.message.max.bytes"),
    ("sasl.oauthbearer.client.id", "sasl.oauthbearer.client.credentials.client.id"),
];

/// librdkafka's default of `message.max.bytes`.
pub(crate) const DEFAULT_MESSAGE_MAX_BYTES: usize = 1_000_000;

/// The value of an unknown property may be a secret with a misspelt name.
pub(crate) fn is_known(name: &str) -> bool {
    let mut client = ClientConfig::new();
    client.set(name, "");
    let set = client.create_native_config();
    !matches!(set, Err(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)))
}

/// Returns whether librdkafka uses all of a known property's value: it reads `5s` as 5 and `1_000` as 1.
pub(crate) fn accepts(name: &str, value: &str) -> bool {
    let set = ClientConfig::new().set(name, value).create_native_config();
    set.is_ok_and(|client| client.get(name).map_or(true, |used| is_whole(value, &used)))
}

/// Texts are always used as a whole. librdkafka prints six digits.
fn is_whole(value: &str, used: &str) -> bool {
    if value.trim() == used.trim() {
        return true;
    }
    let begins_with_digit =
        value.trim_start_matches([' ', '+', '-', '.']).starts_with(|c: char| c.is_ascii_digit());
    match (value.trim().parse::<f64>(), used.parse::<f64>()) {
        (Ok(value), Ok(used)) => (value - used).abs() <= 1e-4 * used.abs(),
        (Err(_), Ok(_)) => !begins_with_digit,
        (_, Err(_)) => true,
    }
}

/// Mechanisms in this build of librdkafka that need only properties.
const MECHANISMS: [&str; 3] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];

/// As librdkafka does (`rd_kafka_anyconf_set_prop`).
pub(crate) fn parse_bool(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" => Some(true),
        "false" | "f" | "0" => Some(false),
        _ => None,
    }
}

pub(crate) type Properties = BTreeMap<String, String>;

pub(crate) fn uses_tls(properties: &Properties) -> bool {
    protocol(properties).ends_with("ssl")
}

fn protocol(properties: &Properties) -> String {
    properties.get("security.protocol").map_or(String::new(), |text| text.trim().to_ascii_lowercase())
}

pub(crate) const MECHANISM: [&str; 2] = ["sasl.mechanism", "sasl.mechanisms"];

/// Lets librdkafka create tokens for OAUTHBEARER.
pub(crate) const MAKES_TOKENS: &str = "enable.sasl.oauthbearer.unsecure.jwt";

/// Returns the property that selects an unusable mechanism, and the reason.
pub(crate) fn mechanism_fault(properties: &Properties) -> Option<(&'static str, String)> {
    if !protocol(properties).starts_with("sasl_") {
        return None;
    }
    let chosen = MECHANISM.iter().find_map(|name| Some((*name, properties.get(*name)?.as_str())));
    // librdkafka's default.
    let (name, mechanism) = chosen.unwrap_or((MECHANISM[0], "GSSAPI"));
    let makes_tokens = properties.get(MAKES_TOKENS).is_some_and(|value| parse_bool(value) == Some(true));
    if MECHANISMS.contains(&mechanism) || (mechanism == "OAUTHBEARER" && makes_tokens) {
        return None;
    }
    let known = MECHANISMS.map(|each| format!("`{each}`")).join(", ");
    let why = if mechanism == "OAUTHBEARER" { "has no source of tokens" } else { "is not built in" };
    Some((name, format!("the SASL mechanism {mechanism} {why}; must be one of {known}")))
}

pub(crate) fn names_file(name: &str) -> bool {
    [".location", ".file"].iter().any(|end| name.ends_with(end))
}

pub(crate) fn is_secret(name: &str) -> bool {
    const MARKS: [&str; 6] = ["password", "secret", "key", "token", "jaas", "oauthbearer.config"];
    let name = name.to_ascii_lowercase();
    MARKS.iter().any(|mark| name.contains(mark))
}
