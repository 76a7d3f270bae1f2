//! AsyncAPI document of the topics of the settings.

use super::events;
use crate::config::Settings;
use crate::kafka;
use crate::record::names::{self, RecordKinds};
use crate::routing::{Destination, FieldRef, InvalidRoutes, RouteTable};
use justcall_events::{Dialect, KnownType, Validation, identity_pointers};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const BINDING: &str = "0.5.0";

/// Fails if the routes contradict each other, which loaded settings never do.
pub(crate) fn document(settings: &Settings) -> Result<Value, InvalidRoutes> {
    let table = RouteTable::compile(&settings.routing).map_err(InvalidRoutes)?;
    let channels = Channels::of(&table);
    let dead_letters = &settings.ingest.dead_letter.topic;
    let mut described = Map::new();
    let mut operations = Map::new();
    for (topic, messages) in &channels.0 {
        let messages = messages.iter().map(|(message, to)| (message.name(), message.describe(to)));
        described.insert((*topic).to_owned(), channel(topic, Map::from_iter(messages), settings));
        operations.insert(format!("send.{topic}"), send(topic));
    }
    described.insert(dead_letters.clone(), channel(dead_letters, dead_letter_messages(), settings));
    operations.insert(format!("send.{dead_letters}"), send(dead_letters));
    Ok(json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "JustCall events in Kafka",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Records that justcall-bridge writes with these settings: each webhook of \
                JustCall byte for byte, at least once, in order for each key of a topic. `ce_id` is the same for \
                every delivery of the same event.",
            "license": { "name": "Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": servers(&settings.kafka),
        "channels": described,
        "operations": operations,
        "components": { "schemas": channels.schemas(settings) },
    }))
}

/// A type in one dialect, or any type that JustCall does not document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Message {
    event_type: Option<KnownType>,
    is_live: bool,
}

/// Messages of each topic, with the destinations that write them.
struct Channels<'t>(BTreeMap<&'t str, BTreeMap<Message, Ways<'t>>>);

type Ways<'t> = Vec<&'t Destination>;

impl<'t> Channels<'t> {
    fn of(table: &'t RouteTable) -> Self {
        let mut channels = Self(BTreeMap::new());
        for (event_type, destination) in table.destinations() {
            for topic in &destination.topics {
                let channel = channels.0.entry(topic).or_default();
                for message in Message::of(event_type) {
                    channel.entry(message).or_default().push(destination);
                }
            }
        }
        channels
    }

    fn schemas(&self, settings: &Settings) -> Value {
        let validation = loosest(settings);
        let messages = self.0.values().flat_map(BTreeMap::keys);
        let payloads = messages
            .map(|message| (message.name(), events::of(message.event_type, message.dialect(), validation)));
        let mut schemas = Map::from_iter(payloads);
        schemas.insert("headers".to_owned(), headers(settings));
        Value::Object(schemas)
    }
}

/// Returns the least strict validation, because a topic receives events from every source.
fn loosest(settings: &Settings) -> Validation {
    let modes = || settings.ingest.sources.iter().map(|source| source.validation);
    let by_ease = [Validation::Tolerant, Validation::Documented];
    by_ease.into_iter().find(|mode| modes().any(|each| each == *mode)).unwrap_or(Validation::Strict)
}

impl Message {
    fn of(event_type: Option<KnownType>) -> impl Iterator<Item = Self> {
        let dialects = [Dialect::Documented, Dialect::Live].into_iter();
        let listed = move |dialect: &Dialect| event_type.is_none_or(|known| known.is_listed_in(*dialect));
        dialects.filter(listed).map(move |dialect| Self { event_type, is_live: dialect == Dialect::Live })
    }

    const fn dialect(self) -> Dialect {
        if self.is_live { Dialect::Live } else { Dialect::Documented }
    }

    fn name(self) -> String {
        events::name(self.event_type, self.dialect())
    }

    fn describe(self, ways: &[&Destination]) -> Value {
        let about = self.event_type.map_or("A type that JustCall does not document.", KnownType::about);
        let own = own_headers(ways);
        let everywhere = own.iter().filter(|(_, values)| values.iter().flatten().count() == ways.len());
        let everywhere: Vec<_> = everywhere.map(|(name, _)| *name).collect();
        let mut fields =
            Map::from_iter(own.iter().map(|(name, values)| ((*name).to_owned(), one_of(values))));
        fields.insert(names::CE_DIALECT.into(), json!({ "const": self.dialect().name() }));
        if let Some(known) = self.event_type {
            fields.insert(names::CE_TYPE.into(), json!({ "const": known.name() }));
        }
        json!({
            "name": self.event_type.map_or("other", KnownType::name),
            "title": format!("{} ({})", self.event_type.map_or("Any other type", KnownType::name), self.dialect()),
            "summary": about,
            "contentType": "application/json",
            "headers": {
                "type": "object",
                "allOf": [{ "$ref": "#/components/schemas/headers" }],
                "properties": fields,
                "required": everywhere,
            },
            "payload": { "$ref": format!("#/components/schemas/{}", self.name()) },
            "bindings": { "kafka": {
                "key": { "type": "string", "description": self.key(ways) },
                "bindingVersion": BINDING,
            }},
        })
    }

    fn key(self, ways: &[&Destination]) -> String {
        let entity = match self.event_type {
            Some(known) => {
                let pointers = identity_pointers(known, self.dialect());
                format!("the {} id at {}", known.family(), listing(pointers.iter().copied()))
            }
            None => "the entity id, if the type's name shows its kind; otherwise no key".into(),
        };
        let of = |to: &&Destination| match &to.key[..] {
            [] => format!("In UTF-8: {entity}."),
            pointers => {
                let fields: Vec<_> = pointers.iter().map(|pointed| self.field(pointed)).collect();
                format!("In UTF-8: the value at {}, else {entity}.", fields.join(", else "))
            }
        };
        let mut descriptions: Vec<_> = ways.iter().map(of).collect();
        descriptions.dedup();
        descriptions.join(" Or: ")
    }

    fn field(self, field: &FieldRef) -> String {
        let (Some(field), Some(known)) = (field.named(), self.event_type) else {
            return format!("`{}`", field.text());
        };
        let places = field.places(self.dialect(), known.family()).iter();
        let places: Vec<_> = places
            .map(|place| match place.direction {
                Some(direction) => format!("`{}` if {}", place.pointer, direction.name()),
                None => format!("`{}`", place.pointer),
            })
            .collect();
        let normalised = if field.is_phone() { ", with `+`" } else { "" };
        match places.is_empty() {
            true => format!("`{}` (not in this type)", field.name()),
            false => format!("`{}` ({}{normalised})", field.name(), places.join(", ")),
        }
    }
}

/// Formats pointers as `a`, else `b`, else `c`.
fn listing<'a>(pointers: impl Iterator<Item = &'a str>) -> String {
    pointers.map(|pointer| format!("`{pointer}`")).collect::<Vec<_>>().join(", else ")
}

/// Returns the headers that routes set, with the value from each destination. `None`: read from the event,
/// and perhaps absent.
fn own_headers<'t>(ways: &[&'t Destination]) -> BTreeMap<&'t str, Vec<Option<String>>> {
    let mut headers: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for to in ways {
        for (name, value) in to.headers.fixed.iter() {
            headers.entry(name).or_default().push(Some(String::from_utf8_lossy(value).into_owned()));
        }
        for header in to.headers.from_fields.iter() {
            headers.entry(&*header.name).or_default().push(None);
        }
    }
    headers
}

fn one_of(values: &[Option<String>]) -> Value {
    let fixed: BTreeSet<_> = values.iter().flatten().collect();
    match (fixed.first(), fixed.len()) {
        _ if values.contains(&None) => json!({ "type": "string" }),
        (Some(value), 1) => json!({ "const": value }),
        _ => json!({ "enum": fixed }),
    }
}

/// Describes the headers of every event: CloudEvents 1.0 in binary mode, and the bridge's own.
fn headers(settings: &Settings) -> Value {
    let sources: Vec<_> =
        settings.ingest.sources.iter().map(|source| format!("/justcall/{}", source.name)).collect();
    let mut headers = headers_of(RecordKinds::Event);
    headers["properties"][names::CE_SOURCE]["enum"] = json!(sources);
    headers
}

fn headers_of(kind: RecordKinds) -> Value {
    let on_kind = || names::HEADERS.iter().filter(|header| header.is_on(kind));
    let properties = on_kind().map(|header| {
        let mut property = form(header.name);
        property["description"] = json!(header.about);
        (header.name.to_owned(), property)
    });
    let required: Vec<_> = on_kind().filter(|header| header.is_required).map(|header| header.name).collect();
    json!({ "type": "object", "required": required, "properties": Map::from_iter(properties) })
}

/// Returns the JSON Schema of a header's value, always text.
fn form(header: &str) -> Value {
    match header {
        names::CE_SPECVERSION => json!({ "const": "1.0" }),
        names::CE_ID => json!({ "type": "string", "pattern": "^[0-9A-Za-z]{26}$|^[0-9a-f]{32}$" }),
        names::CE_TIME | names::REPLAYED | names::DLQ_RECEIVED_AT | names::DLQ_REPLAYED_AT => {
            json!({ "type": "string", "format": "date-time" })
        }
        names::CE_DIALECT => json!({ "enum": [Dialect::Documented.name(), Dialect::Live.name()] }),
        names::CONTENT_TYPE => json!({ "const": "application/json" }),
        // Later versions can have more reasons.
        names::DLQ_REASON => json!({ "type": "string", "examples": names::REASONS }),
        names::DLQ_REPLAYED => json!({ "type": "string", "pattern": "^[0-9]+-[0-9]+$" }),
        _ => json!({ "type": "string" }),
    }
}

fn dead_letter_messages() -> Map<String, Value> {
    let message = |name: &str, kind: RecordKinds, title: &str, summary: &str, payload: &str| {
        let message = json!({
            "name": name,
            "title": title,
            "summary": summary,
            "contentType": "application/octet-stream",
            "headers": headers_of(kind),
            "payload": { "description": payload },
            "bindings": { "kafka": { "bindingVersion": BINDING } },
        });
        (name.to_owned(), message)
    };
    Map::from_iter([
        message(
            "dead-letter",
            RecordKinds::DeadLetter,
            "Dead letter",
            "Body of a rejected webhook, byte for byte, with the reason in headers. It has no key and is \
             not a CloudEvent.",
            "The received body: any bytes.",
        ),
        message(
            "replay-mark",
            RecordKinds::Mark,
            "Mark of a replay",
            "A dead letter of the same partition was replayed. The record has no key and no value.",
            "Nothing.",
        ),
    ])
}

fn channel(topic: &str, messages: Map<String, Value>, settings: &Settings) -> Value {
    json!({
        "address": topic,
        "messages": messages,
        "bindings": { "kafka": topic_binding(topic, &settings.kafka.topics) },
    })
}

fn topic_binding(topic: &str, config: &kafka::TopicsConfig) -> Value {
    let mut binding = json!({ "topic": topic, "bindingVersion": BINDING });
    for (name, number) in [("partitions", config.partitions), ("replicas", config.replication_factor)] {
        if let Some(number) = number {
            binding[name] = json!(number);
        }
    }
    if !config.config.is_empty() {
        let entries = config.config.iter().map(|(name, value)| (name.clone(), topic_setting(name, value)));
        binding["topicConfiguration"] = Value::Object(entries.collect());
    }
    binding
}

/// Converts a topic setting to the type that the binding requires.
fn topic_setting(name: &str, value: &str) -> Value {
    const NUMBERS: [&str; 4] =
        ["retention.ms", "retention.bytes", "delete.retention.ms", "max.message.bytes"];
    match value.parse::<i64>() {
        Ok(number) if NUMBERS.contains(&name) => json!(number),
        _ if name == "cleanup.policy" => json!(value.split(',').map(str::trim).collect::<Vec<_>>()),
        _ => json!(value),
    }
}

fn send(topic: &str) -> Value {
    json!({ "action": "send", "channel": { "$ref": format!("#/channels/{topic}") } })
}

fn servers(config: &kafka::Config) -> Value {
    let property = |name: &str| {
        config.properties.get(name).map(|value| value.expose().to_ascii_lowercase()).unwrap_or_default()
    };
    let protocol = property("security.protocol");
    let is_secure = protocol.ends_with("ssl");
    let security = protocol.starts_with("sasl").then(|| json!([sasl(&property("sasl.mechanism"))]));
    let servers = config.bootstrap_servers.split(',').map(str::trim).filter(|host| !host.is_empty());
    let described = servers.enumerate().map(|(index, host)| {
        let mut server =
            json!({ "host": host, "protocol": if is_secure { "kafka-secure" } else { "kafka" } });
        if let Some(security) = &security {
            server["security"] = security.clone();
        }
        (format!("kafka-{}", index + 1), server)
    });
    Value::Object(described.collect())
}

/// Describes a SASL mechanism, in lower case.
fn sasl(mechanism: &str) -> Value {
    match mechanism {
        "plain" => json!({ "type": "plain" }),
        "scram-sha-256" => json!({ "type": "scramSha256" }),
        "scram-sha-512" => json!({ "type": "scramSha512" }),
        "oauthbearer" => json!({ "type": "http", "scheme": "bearer" }),
        // Default of librdkafka.
        _ => json!({ "type": "gssapi" }),
    }
}
