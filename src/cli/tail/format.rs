//! Output formats of a record.

use crate::cli::spool;
use crate::kafka::TailedRecord;
use crate::masking;
use crate::record::{json_form, names};
use crate::terminal::printable;
use chrono::DateTime;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt::Write;

/// Output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(in crate::cli) enum RecordFormat {
    /// A block of lines per record, for people.
    #[default]
    Pretty,
    /// One JSON object per line, for scripts.
    Ndjson,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Privacy {
    Masked,
    Shown,
}

pub(super) fn pretty(record: &TailedRecord, privacy: Privacy) -> String {
    let TailedRecord { topic, partition, offset, .. } = record;
    let time = time(record).unwrap_or_else(|| "(no time)".into());
    let key = key(record, privacy).map_or("no key".into(), |key| format!("key {}", printable(&key)));
    let label = [names::CE_TYPE, names::DLQ_REASON].iter().find_map(|name| header(record, name, privacy));
    let label = label.unwrap_or_else(|| "-".into());
    let size = record.value.as_ref().map_or(0, bytes::Bytes::len);
    let mut text =
        format!("{time}  {topic} [{partition}] @{offset}  {key}  {}  {size} bytes", printable(&label));
    for (name, value) in headers(record, privacy) {
        let _ = write!(text, "\n    {}: {}", printable(&name), printable(&value));
    }
    if let Some(value) = &record.value {
        let _ = write!(text, "\n  {}", body(value, privacy));
    }
    text
}

pub(super) fn line(record: &TailedRecord, privacy: Privacy) -> String {
    match privacy {
        Privacy::Shown => exact(record).to_string(),
        Privacy::Masked => {
            let body = record.value.as_ref().and_then(|value| masking::body(value));
            let masked = Masked {
                topic: &record.topic,
                partition: record.partition,
                offset: record.offset,
                timestamp: record.timestamp,
                key: key(record, privacy),
                headers: json_form::text_headers(headers(record, privacy)),
                size: record.value.as_ref().map_or(0, bytes::Bytes::len),
                body: body.and_then(|body| RawValue::from_string(body).ok()),
                masked: true,
            };
            serde_json::to_string(&masked).unwrap_or_default()
        }
    }
}

pub(in crate::cli) fn body(value: &[u8], privacy: Privacy) -> String {
    let shown = match privacy {
        Privacy::Masked => masking::body(value).map(Cow::Owned),
        Privacy::Shown => std::str::from_utf8(value).ok().map(Cow::Borrowed),
    };
    match shown {
        Some(text) => printable(&text).into_owned(),
        None => format!("({} bytes, not JSON)", value.len()),
    }
}

pub(in crate::cli) fn headers_of<'a>(
    headers: &'a crate::record::Headers,
    privacy: Privacy,
) -> impl Iterator<Item = (String, String)> + 'a {
    headers.iter().map(move |(name, value)| {
        let value = String::from_utf8_lossy(value);
        let value = match privacy {
            Privacy::Shown => value.into_owned(),
            Privacy::Masked => masking::header(name, &value),
        };
        (name.to_owned(), value)
    })
}

#[derive(Serialize)]
struct Masked<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    timestamp: Option<i64>,
    key: Option<String>,
    headers: Map<String, Value>,
    size: usize,
    body: Option<Box<RawValue>>,
    masked: bool,
}

/// Formats a record as `spool export` does.
fn exact(record: &TailedRecord) -> Value {
    let mut line = Map::new();
    line.insert("topic".into(), record.topic.as_str().into());
    line.insert("partition".into(), record.partition.into());
    line.insert("offset".into(), record.offset.into());
    line.insert("timestamp".into(), record.timestamp.into());
    if let Some(key) = &record.key {
        json_form::bytes(&mut line, "key", key);
    }
    line.insert("headers".into(), json_form::headers(record.headers.iter()).into());
    if let Some(value) = &record.value {
        json_form::bytes(&mut line, "value", value);
    }
    line.into()
}

fn headers(record: &TailedRecord, privacy: Privacy) -> impl Iterator<Item = (String, String)> + '_ {
    headers_of(&record.headers, privacy)
}

fn header(record: &TailedRecord, name: &str, privacy: Privacy) -> Option<String> {
    headers(record, privacy).find(|(each, _)| each == name).map(|(_, value)| value)
}

fn key(record: &TailedRecord, privacy: Privacy) -> Option<String> {
    let key = String::from_utf8_lossy(record.key.as_deref()?);
    let subject = record.headers.get(names::CE_SUBJECT).map(String::from_utf8_lossy);
    Some(match privacy {
        Privacy::Shown => key.into_owned(),
        Privacy::Masked => masking::key(&key, subject.as_deref()),
    })
}

fn time(record: &TailedRecord) -> Option<String> {
    record.timestamp.and_then(DateTime::from_timestamp_millis).map(spool::time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Headers;
    use bytes::Bytes;
    use serde_json::json;

    const BODY: &[u8] = br#"{"event":"call.missed","data":{"call_id":"call_1","from":"+14155550123"}}"#;

    fn record() -> TailedRecord {
        TailedRecord {
            topic: "justcall.calls".into(),
            partition: 2,
            offset: 7,
            timestamp: Some(0),
            key: Some(Bytes::from_static(b"call_1")),
            headers: Headers::builder(99)
                .add("ce_type", "call.missed")
                .add("ce_subject", "call_1")
                .add("caller", "Jordan\u{1b}[2J")
                .build(),
            value: Some(Bytes::from_static(BODY)),
        }
    }

    #[test]
    fn block_shows_position_and_type_of_a_record() {
        let expected = r#"1970-01-01T00:00:00.000Z  justcall.calls [2] @7  key call_1  call.missed  73 bytes
    ce_type: call.missed
    ce_subject: call_1
    caller: ***
  {"event":"call.missed","data":{"call_id":"call_1","from":"***"}}"#;
        assert_eq!(pretty(&record(), Privacy::Masked), expected);
    }

    #[test]
    fn shown_text_cannot_control_the_terminal() {
        let text = pretty(&record(), Privacy::Shown);
        assert!(text.contains("+14155550123") && text.contains("Jordan"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn masked_line_is_marked_and_has_no_value() {
        let line: Value = serde_json::from_str(&line(&record(), Privacy::Masked)).unwrap();
        assert_eq!(line["masked"], true);
        assert_eq!(line["value"], Value::Null);
        assert_eq!(line["body"]["data"], json!({"call_id": "call_1", "from": "***"}));
        assert_eq!(line["headers"]["caller"], "***");
    }

    #[test]
    fn unmasked_line_equals_the_export() {
        let line: Value = serde_json::from_str(&line(&record(), Privacy::Shown)).unwrap();
        assert_eq!(line["value"], std::str::from_utf8(BODY).unwrap());
        assert_eq!((&line["key"], &line["timestamp"]), (&json!("call_1"), &json!(0)));
    }

    #[test]
    fn record_without_key_and_value_is_shown_as_such() {
        let mark = TailedRecord { key: None, value: None, ..record() };
        let text = pretty(&mark, Privacy::Masked);
        assert!(text.contains("no key") && text.contains("0 bytes") && text.lines().count() == 4, "{text}");
    }
}
