use crate::record::{Headers, Record};
use crate::routing::check_topic_name;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use chrono::Utc;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// Set by flags, never detected: lines can contain bytes from untrusted senders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// One event body a line.
    Events,
    /// The whole file is one event body.
    Body,
    Records {
        /// Allows topics that the settings cannot yield.
        any_topic: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ParsedLine {
    Blank,
    Event(Bytes),
    /// Record to write unchanged.
    Record(Record),
    Broken(String),
}

/// Fields that tell a record's line from a body.
#[derive(Deserialize)]
struct Marks {
    topic: Option<IgnoredAny>,
    headers: Option<IgnoredAny>,
    data: Option<IgnoredAny>,
    event: Option<IgnoredAny>,
    #[serde(rename = "type")]
    kind: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Exported {
    topic: String,
    /// `None` if the field is missing, `Some(None)` if it is null.
    #[serde(default, deserialize_with = "present")]
    timestamp: Option<Option<i64>>,
    key: Option<String>,
    key_base64: Option<String>,
    #[serde(default)]
    headers: LineHeaders,
    value: Option<String>,
    value_base64: Option<String>,
    #[serde(default)]
    masked: bool,
}

/// Members of a JSON object in order, including repeated names.
#[derive(Debug, Default)]
struct LineHeaders(Vec<(String, Values)>);

/// An export has a list if several headers share the name.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Many(Vec<String>),
}

impl Values {
    fn iter(&self) -> std::slice::Iter<'_, String> {
        match self {
            Self::One(value) => std::slice::from_ref(value).iter(),
            Self::Many(values) => values.iter(),
        }
    }
}

impl<'de> Deserialize<'de> for LineHeaders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = LineHeaders;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of headers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<LineHeaders, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = members.next_entry()? {
                    fields.push(field);
                }
                Ok(LineHeaders(fields))
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

/// Distinguishes null from a missing field.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<i64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

pub(super) fn parse(line: &[u8], content: Content) -> ParsedLine {
    let line = if content == Content::Body { line } else { line.strip_suffix(b"\r").unwrap_or(line) };
    if line.trim_ascii().is_empty() {
        return ParsedLine::Blank;
    }
    if !matches!(content, Content::Records { .. }) {
        return ParsedLine::Event(Bytes::copy_from_slice(line));
    }
    match record(line) {
        Ok(record) => ParsedLine::Record(record),
        Err(why) => ParsedLine::Broken(why),
    }
}

/// Used in messages only.
pub(super) fn is_record(line: &[u8]) -> bool {
    serde_json::from_slice::<Marks>(line).is_ok_and(|marks| {
        marks.topic.is_some()
            && marks.headers.is_some()
            && marks.data.is_none()
            && marks.event.is_none()
            && marks.kind.is_none()
    })
}

/// Errors never quote the line.
fn record(line: &[u8]) -> Result<Record, String> {
    if !is_record(line) {
        return Err("is not a record of an export: `topic` and `headers` are required, `event`, `type` and `data` are not allowed".into());
    }
    let exported: Exported = serde_json::from_slice(line).map_err(|error| {
        let at = error.column();
        format!("is no line of an export: a field has another type than there, at column {at}")
    })?;
    if exported.masked {
        return Err("was exported without personal data: `tail --json --show-personal-data` keeps it".into());
    }
    check_topic_name(&exported.topic).map_err(|why| format!("its topic {why}"))?;
    let timestamp = time_of(exported.timestamp.ok_or("has no timestamp")?);
    let value = bytes(exported.value, exported.value_base64, "value")?.ok_or("has no value")?;
    let key = bytes(exported.key, exported.key_base64, "key")?;
    let mut fields =
        exported.headers.0.iter().flat_map(|(name, values)| values.iter().map(move |it| (name, it)));
    let headers = fields.try_fold(Headers::builder(256), |headers, (name, value)| {
        // Only the name decides the encoding: a sender may have written the value.
        let Some(plain) = name.strip_suffix("_base64") else { return Ok(headers.add(name, value)) };
        let decoded =
            BASE64_STANDARD.decode(value).map_err(|_| "has a header under `…_base64` that is no base64")?;
        Ok::<_, String>(headers.add(plain, decoded))
    })?;
    Ok(Record { topic: Arc::from(exported.topic), key, headers: headers.build(), value, timestamp })
}

/// A record without a time (null, -1 or 0) gets the present time, as from Kafka's producers, instead of 1970.
fn time_of(exported: Option<i64>) -> i64 {
    exported.filter(|millis| *millis > 0).unwrap_or_else(|| Utc::now().timestamp_millis())
}

fn bytes(text: Option<String>, base64: Option<String>, name: &str) -> Result<Option<Bytes>, String> {
    match (text, base64) {
        (Some(text), None) => Ok(Some(text.into())),
        (None, Some(encoded)) => match BASE64_STANDARD.decode(encoded) {
            Ok(decoded) => Ok(Some(decoded.into())),
            Err(_) => Err(format!("its {name}_base64 is no base64")),
        },
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(format!("has both {name} and {name}_base64")),
    }
}
