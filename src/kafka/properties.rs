//! librdkafka properties that an operator may not set, for one of the bridge's promises rests on
//! each. Every other property passes.

use rdkafka::config::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

#[cfg(test)]
mod tests;

/// The most requests in flight on one connection with which an idempotent producer keeps order.
const MOST_IN_FLIGHT: u32 = 5;

/// Why a property may not have that value; `None` where it may.
pub fn refused(name: &str, value: &str) -> Option<&'static str> {
    let reason = match name {
        // Durable before 200.
        "acks" | "request.required.acks" => {
            "is always `all`: a 200 means that every in-sync replica has the record"
        }
        "enable.idempotence" => "is always on: without it a retry can write twice or out of order",
        "produce.offset.report" | "delivery.report.only.error" | "dr_cb" | "dr_msg_cb" => {
            "would change the delivery reports that answers wait for"
        }
        // An expired record drains the whole producer, and those behind it overtake it.
        "message.timeout.ms" | "delivery.timeout.ms" => {
            "is always 0: one expiry would halt every topic and break order; `kafka.ack_deadline` is the time to set"
        }
        "socket.timeout.ms" => "is fixed, so that a frozen broker is noticed in time",
        "retries" | "message.send.max.retries" => {
            "is unlimited: giving up on a record would break order; `kafka.ack_deadline` is the time to set"
        }
        // Order by key.
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
        // Topics have the partitions that the settings say.
        "allow.auto.create.topics" => {
            "is always off: it makes topics of one partition; see `topics.create_missing`"
        }
        // Said once, elsewhere.
        "bootstrap.servers" | "metadata.broker.list" => "is set as `kafka.bootstrap_servers`",
        // What the bridge holds for itself.
        "statistics.interval.ms" => "is the bridge's own: some of its metrics rest on those statistics",
        "opaque" | "enabled_events" | "default_topic_conf" => "is used by the bridge itself",
        "plugin.library.paths" => "would load foreign code into the bridge",
        "test.mock.num.brokers" | "test.mock.broker.rtt" => "would write to memory instead of Kafka",
        _ if name.ends_with("_cb") => "is a callback, which only code can set",
        _ => return None,
    };
    Some(reason)
}

fn in_flight(value: &str) -> Option<&'static str> {
    let keeps_order = value.trim().parse().is_ok_and(|number| (1..=MOST_IN_FLIGHT).contains(&number));
    (!keeps_order).then_some("must be from 1 to 5: an idempotent producer keeps order up to there")
}

/// The largest request that librdkafka makes where `message.max.bytes` is not set.
pub const DEFAULT_MESSAGE_MAX_BYTES: usize = 1_000_000;

/// Whether the client library has a property of that name. A value under any other name may be a
/// secret whose name is misspelt.
pub fn is_known(name: &str) -> bool {
    let mut client = ClientConfig::new();
    client.set(name, "");
    let set = client.create_native_config();
    !matches!(set, Err(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)))
}

/// Whether a property's value must not be shown.
pub fn is_secret(name: &str) -> bool {
    const MARKS: [&str; 6] = ["password", "secret", "key", "token", "jaas", "oauthbearer.config"];
    let name = name.to_ascii_lowercase();
    MARKS.iter().any(|mark| name.contains(mark))
}
