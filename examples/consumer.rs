//! Service that reads the bridge's topics: copy it, and replace [`work`] with your own.
//!
//! ```sh
//! TOPICS=justcall.call.completed,justcall.call.missed cargo run --example consumer
//! ```
//!
//! An offset is committed after the work, so a crash repeats work and loses none. A repeated event has the same
//! `ce_source` and `ce_id`. Sequential processing keeps the order of each key; run at most one process for each
//! partition.

use justcall_events::{Documented, DocumentedData, KnownType, Live, LiveData};
use rdkafka::ClientConfig;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use std::collections::{HashSet, VecDeque};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// An id takes about 100 bytes.
const REMEMBERED: usize = 100_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let group = setting("GROUP", "example-rust");
    let mut service = Service {
        dead_letter_topic: setting("DEAD_LETTER_TOPIC", &format!("{group}.dead-letter")),
        dead_letters: dead_letters()?,
        seen: Seen::default(),
        group,
    };
    let consumer = consumer(&service.group)?;
    let topics = setting("TOPICS", "justcall.call.completed");
    consumer.subscribe(&topics.split(',').collect::<Vec<_>>())?;
    let mut terminate = signal(SignalKind::terminate())?;
    loop {
        // A rebalance happens inside of `recv`, never while a record is being processed.
        let message = tokio::select! {
            biased;
            _ = terminate.recv() => break,
            message = consumer.recv() => message,
        };
        let message = match message {
            Ok(message) => message,
            Err(error @ KafkaError::MessageConsumptionFatal(_)) => return Err(error.into()),
            // A broker that is down or a topic that does not exist yet: librdkafka retries.
            Err(error) => {
                eprintln!("{error}");
                continue;
            }
        };
        service.handle(&message).await?;
        consumer.store_offset_from_message(&message)?;
    }
    // Dropping the consumer commits the stored offsets and leaves the group.
    Ok(())
}

fn consumer(group: &str) -> Result<StreamConsumer, Box<dyn Error>> {
    let mut config = client();
    config
        .set("group.id", group)
        // A new group, or a new partition, begins with the first event.
        .set("auto.offset.reset", "earliest")
        // librdkafka commits every few seconds, at a rebalance and at the end, but only stored offsets.
        .set("enable.auto.commit", "true")
        .set("enable.auto.offset.store", "false")
        // Excludes records of an aborted replay.
        .set("isolation.level", "read_committed");
    if let Ok(instance) = std::env::var("GROUP_INSTANCE_ID") {
        config.set("group.instance.id", instance);
    }
    Ok(config.create()?)
}

fn dead_letters() -> Result<FutureProducer, Box<dyn Error>> {
    let mut config = client();
    config.set("enable.idempotence", "true").set("partitioner", "murmur2_random");
    Ok(config.set("message.timeout.ms", "60000").create()?)
}

fn client() -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", setting("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092"));
    config
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

struct Service {
    group: String,
    dead_letter_topic: String,
    dead_letters: FutureProducer,
    seen: Seen,
}

impl Service {
    /// Processes a record, unless it is a duplicate.
    ///
    /// An error is transient, such as a database that is down: the process ends, and the next start retries this
    /// record.
    async fn handle(&mut self, message: &BorrowedMessage<'_>) -> Result<(), Box<dyn Error>> {
        let id = header(message, "ce_id");
        // An id is unique only within its source.
        let source = header(message, "ce_source").unwrap_or_default();
        let identity = id.map(|id| format!("{source}\n{id}"));
        if identity.as_deref().is_some_and(|identity| self.seen.contains(identity)) {
            return Ok(());
        }
        match id.ok_or(Poison("no_id")).and_then(|id| work(id, message)) {
            Ok(line) => println!("{}", printable(&line)),
            Err(poison) => self.set_aside(message, poison).await?,
        }
        // After the work, or a failure above would make the retry a duplicate.
        identity.iter().for_each(|identity| self.seen.add(identity));
        Ok(())
    }

    /// Writes the unchanged record, which no retry can help, to the dead letters, with reason and origin.
    async fn set_aside(&self, message: &BorrowedMessage<'_>, poison: Poison) -> Result<(), Box<dyn Error>> {
        let Poison(reason) = poison;
        let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
        let place = format!("{topic}/{partition}/{offset}");
        let headers = message.headers().map_or_else(OwnedHeaders::new, BorrowedHeaders::detach);
        let headers = headers
            .insert(Header { key: "dlq_reason", value: Some(reason) })
            .insert(Header { key: "dlq_place", value: Some(&place) })
            .insert(Header { key: "dlq_group", value: Some(&self.group) });
        let letter = FutureRecord::to(&self.dead_letter_topic).headers(headers);
        let letter = FutureRecord { key: message.key(), payload: message.payload(), ..letter };
        // Returns once the letter is durable.
        self.dead_letters.send(letter, Duration::from_secs(60)).await.map_err(|(error, _)| error)?;
        eprintln!("{place}: set aside: {reason}");
        Ok(())
    }
}

/// A tag for logs, without values of the body.
struct Poison(&'static str);

/// Processes an event: here, it returns a line.
///
/// Your service would write to its database and, in the same transaction, store source and id of the event, which
/// outlive the process.
fn work(id: &str, message: &BorrowedMessage<'_>) -> Result<String, Poison> {
    let event_type = header(message, "ce_type").ok_or(Poison("no_type"))?;
    let subject = header(message, "ce_subject").unwrap_or("-");
    let value = message.payload().unwrap_or_default();
    let detail = match (KnownType::from_name(event_type), header(message, "ce_dialect")) {
        (Some(KnownType::CallCompleted), Some("documented")) => documented_seconds(value)?,
        (Some(KnownType::CallCompleted), Some("live")) => live_seconds(value)?,
        // An unknown type or dialect is not an error: JustCall adds some.
        _ => None,
    };
    let detail = detail.map_or("-".to_owned(), |seconds| format!("{seconds}s"));
    Ok(format!("{id} {event_type} {subject} {detail}"))
}

fn documented_seconds(value: &[u8]) -> Result<Option<u64>, Poison> {
    let event = Documented::from_slice(value).map_err(|_| Poison("unreadable"))?;
    match event.data {
        DocumentedData::CallCompleted(call) => Ok(call.duration),
        _ => Err(Poison("unreadable")),
    }
}

fn live_seconds(value: &[u8]) -> Result<Option<u64>, Poison> {
    let event = Live::from_slice(value).map_err(|_| Poison("unreadable"))?;
    let LiveData::Call(call) = event.data else { return Err(Poison("unreadable")) };
    let seconds = call.call_duration.and_then(|duration| duration.total_duration);
    seconds.map(|seconds| seconds.as_u64().ok_or(Poison("unreadable"))).transpose()
}

/// Escapes characters that terminals interpret, because senders choose the text.
fn printable(text: &str) -> String {
    let is_obeyed = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if is_obeyed(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}

fn header<'a>(message: &'a BorrowedMessage<'_>, name: &str) -> Option<&'a str> {
    let headers = message.headers()?;
    let found = headers.iter().find(|header| header.key == name)?;
    str::from_utf8(found.value?).ok()
}

/// Ids of the last events.
///
/// A duplicate reaches the process of its first occurrence, unless that was restarted or the partition moved in
/// between.
#[derive(Default)]
struct Seen {
    ids: HashSet<Arc<str>>,
    oldest_first: VecDeque<Arc<str>>,
}

impl Seen {
    fn contains(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    fn add(&mut self, id: &str) {
        if self.ids.len() == REMEMBERED
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.ids.remove(&oldest);
        }
        let id: Arc<str> = id.into();
        self.ids.insert(Arc::clone(&id));
        self.oldest_first.push_back(id);
    }
}
