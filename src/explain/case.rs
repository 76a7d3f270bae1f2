//! Event with its expected result.

use crate::input;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use justcall_events::{Dialect, KnownType, samples};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Debug)]
pub(crate) struct Case {
    /// Such as `mapping.ndjson:3`.
    pub(crate) at: String,
    pub(crate) name: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) body: Bytes,
    pub(crate) expected: Expected,
}

/// Case as written in the file.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenCase {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    /// Body as JSON, including `null`.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub(crate) event: Option<Box<RawValue>>,
    /// Body that is not JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<String>,
    /// Body that is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body_base64: Option<String>,
    /// File with the body, relative to the folder of the expectations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// Event type whose sample is the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sample: Option<String>,
    /// `documented` or `live`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dialect: Option<String>,
    /// Fields to set in the body, by JSON pointer.
    #[serde(default, rename = "with", skip_serializing_if = "Map::is_empty")]
    pub(crate) with: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<Value>,
    /// Index of the route that matched or dropped the event, or a list of indices. Null: none.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub(crate) route: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) topics: Option<Value>,
    /// Key of every record. Null means none.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) partition: Option<Value>,
    /// Headers of every record. Null means absent.
    #[serde(default, deserialize_with = "texts", skip_serializing_if = "Option::is_none")]
    pub(crate) headers: Option<Map<String, Value>>,
    /// Value of `dlq_reason`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Value>,
    /// By topic, if the records differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) records: Option<BTreeMap<String, ExpectedRecord>>,
}

#[derive(Debug, Default, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectedRecord {
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) partition: Option<Value>,
    #[serde(default, deserialize_with = "texts", skip_serializing_if = "Option::is_none")]
    pub(crate) headers: Option<Map<String, Value>>,
}

/// Omitted values are not compared.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    pub(crate) outcome: Option<Value>,
    pub(crate) route: Option<Value>,
    pub(crate) topics: Option<Value>,
    pub(crate) reason: Option<Value>,
    pub(crate) every: ExpectedRecord,
    pub(crate) records: BTreeMap<String, ExpectedRecord>,
}

/// Deserializes null as a value, distinct from an absent field.
fn given<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Deserializes a key or a header's value. A number or a boolean without quotes is the text as written.
fn text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    as_written(&Box::<RawValue>::deserialize(deserializer)?).map(Some).map_err(serde::de::Error::custom)
}

fn texts<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Map<String, Value>>, D::Error> {
    let values = BTreeMap::<String, Box<RawValue>>::deserialize(deserializer)?;
    let texts = values.into_iter().map(|(name, value)| Ok((name, as_written(&value)?)));
    texts.collect::<serde_json::Result<_>>().map(Some).map_err(serde::de::Error::custom)
}

fn as_written(value: &RawValue) -> serde_json::Result<Value> {
    Ok(match serde_json::from_str(value.get())? {
        Value::Number(_) | Value::Bool(_) => Value::from(value.get()),
        other => other,
    })
}

impl WrittenCase {
    /// Reads the body. Paths of files are relative to `folder`. Returns the mistake as text for its author.
    pub(crate) fn case(self, at: String, folder: &Path) -> Result<Case, String> {
        let body = self.bytes(folder)?;
        let every = ExpectedRecord { key: self.key, partition: self.partition, headers: self.headers };
        let Self { name, source, outcome, route, topics, reason, records, .. } = self;
        let records = records.unwrap_or_default();
        let expected = Expected { outcome, route, topics, reason, every, records };
        if expected.is_empty() {
            return Err(
                "expects nothing; say outcome, route, topics, key, partition, headers, reason or records"
                    .into(),
            );
        }
        Ok(Case { at, name, source, body, expected })
    }

    fn bytes(&self, folder: &Path) -> Result<Bytes, String> {
        if self.dialect.is_some() && self.sample.is_none() {
            return Err("`dialect` is of a `sample`; an event says its own".into());
        }
        let body = match (&self.event, &self.body, &self.body_base64, &self.file, &self.sample) {
            (Some(event), None, None, None, None) => event.get().as_bytes().to_vec(),
            (None, Some(body), None, None, None) => body.clone().into_bytes(),
            (None, None, Some(body), None, None) => BASE64_STANDARD
                .decode(body)
                .map_err(|error| format!("`body_base64` is not base64: {error}"))?,
            (None, None, None, Some(file), None) => {
                let path = folder.join(file);
                let bytes =
                    input::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
                input::without_mark(&bytes).trim_ascii().to_vec()
            }
            (None, None, None, None, Some(sample)) => self.sampled(sample)?.as_bytes().to_vec(),
            _ => {
                return Err(
                    "needs one of `event`, `file`, `sample`, `body` and `body_base64`, and no other".into()
                );
            }
        };
        if self.with.is_empty() { Ok(body.into()) } else { changed(&body, &self.with) }
    }

    fn sampled(&self, name: &str) -> Result<&'static str, String> {
        let dialect = match self.dialect.as_deref() {
            None | Some("documented") => Dialect::Documented,
            Some("live") => Dialect::Live,
            Some(other) => return Err(format!("the dialect {other:?} is neither documented nor live")),
        };
        let known =
            KnownType::from_name(name).ok_or_else(|| format!("JustCall documents no type {name:?}"))?;
        let found = samples(dialect).find(|(sample, _)| *sample == known);
        let other = if dialect == Dialect::Live { "documented" } else { "live" };
        found
            .map(|(_, body)| body)
            .ok_or_else(|| format!("the {dialect} dialect has no {known}; `dialect: {other}` does"))
    }
}

fn changed(body: &[u8], with: &Map<String, Value>) -> Result<Bytes, String> {
    let mut body: Value = serde_json::from_slice(body).map_err(|_| "`with` needs an event that is JSON")?;
    for (pointer, value) in with {
        let nowhere = || format!("`with` sets {pointer}, which leads into nothing");
        let (parent, name) = pointer.rsplit_once('/').ok_or_else(nowhere)?;
        let name = name.replace("~1", "/").replace("~0", "~");
        let parent = body.pointer_mut(parent).ok_or_else(nowhere)?;
        match parent {
            Value::Object(fields) => {
                fields.insert(name, value.clone());
            }
            other => *other.pointer_mut(&format!("/{name}")).ok_or_else(nowhere)? = value.clone(),
        }
    }
    Ok(body.to_string().into())
}

impl Expected {
    fn is_empty(&self) -> bool {
        let fields = [&self.outcome, &self.route, &self.topics, &self.reason];
        let every = [&self.every.key, &self.every.partition];
        fields.into_iter().chain(every).all(Option::is_none)
            && self.every.headers.is_none()
            && self.records.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn case(written: Value) -> Result<Case, String> {
        let written: WrittenCase =
            serde_json::from_str(&written.to_string()).map_err(|error| error.to_string())?;
        written.case("f:1".into(), Path::new("/nowhere"))
    }

    fn body(written: Value) -> String {
        String::from_utf8(case(written).unwrap().body.to_vec()).unwrap()
    }

    #[test]
    fn event_is_inline_text_or_a_sample() {
        assert_eq!(body(json!({ "event": { "type": "a" }, "outcome": "routed" })), r#"{"type":"a"}"#);
        assert_eq!(body(json!({ "body": "not JSON", "outcome": "rejected" })), "not JSON");
        assert_eq!(
            case(json!({ "body_base64": "//4=", "outcome": "rejected" })).unwrap().body[..],
            *b"\xff\xfe"
        );
        let live = body(json!({ "sample": "call.missed", "dialect": "live", "outcome": "routed" }));
        assert!(live.contains("call_sid") && live.contains("\"type\""));
    }

    #[test]
    fn event_keeps_its_bytes() {
        let written: WrittenCase =
            serde_json::from_str(r#"{"event": {"b" : 1.0e2, "a":2}, "outcome": "routed"}"#).unwrap();
        let case = written.case("f".into(), Path::new(".")).unwrap();
        assert_eq!(&case.body[..], br#"{"b" : 1.0e2, "a":2}"#);
    }

    #[test]
    fn fields_of_a_sample_can_be_set() {
        let changed = body(json!({
            "sample": "call.missed",
            "with": { "/data/direction": "outbound", "/data/new~1field": [1], "/data/new~1field/0": 2 },
            "outcome": "routed",
        }));
        let changed: Value = serde_json::from_str(&changed).unwrap();
        assert_eq!(changed["data"]["direction"], "outbound");
        assert_eq!(changed["data"]["new/field"], json!([2]));
    }

    #[test]
    fn malformed_case_is_reported_with_the_reason() {
        for (written, expected) in [
            (json!({ "sample": "call.missed" }), "expects nothing"),
            (json!({ "outcome": "routed" }), "needs one of"),
            (json!({ "event": {}, "body": "", "outcome": "routed" }), "needs one of"),
            (json!({ "body_base64": "{}", "outcome": "rejected" }), "is not base64"),
            (json!({ "body_base64": "", "body": "", "outcome": "rejected" }), "needs one of"),
            (json!({ "sample": "call.lost", "outcome": "routed" }), "documents no type \"call.lost\""),
            (
                json!({ "sample": "contact.created", "dialect": "live", "outcome": "routed" }),
                "`dialect: documented` does",
            ),
            (json!({ "sample": "call.missed", "dialect": "spoken", "outcome": "routed" }), "neither"),
            (json!({ "event": {}, "dialect": "live", "outcome": "routed" }), "of a `sample`"),
            (
                json!({ "sample": "call.missed", "with": { "/a/b": 1 }, "outcome": "routed" }),
                "leads into nothing",
            ),
            (json!({ "body": "x", "with": { "/a": 1 }, "outcome": "routed" }), "needs an event that is JSON"),
            (json!({ "file": "none.json", "outcome": "routed" }), "cannot read /nowhere/none.json"),
            (json!({ "sample": "call.missed", "topic": "a" }), "unknown field `topic`"),
        ] {
            let error = case(written).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn null_is_compared() {
        let case = case(json!({ "sample": "call.missed", "key": null })).unwrap();
        assert_eq!(case.expected.every.key, Some(Value::Null));
    }
}
