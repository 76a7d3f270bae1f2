//! Masking of personal data: prints only values whose meaning and format are known to be harmless.
//!
//! Meanings come from the contract's kinds, then from [`meaning`]'s list for the live dialect. Under an
//! unknown name, only small numbers, booleans and nulls are printed, and the name is masked.

mod fields;
mod shape;

use crate::record::names;
use fields::{Meaning, meaning};
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use shape::{is_id, is_place, is_plain, is_time, is_type, is_word};
use std::fmt::{self, Write as _};

pub(crate) const MASK: &str = "***";

/// Deepest level that is printed.
const MAX_DEPTH: usize = 32;

/// Returns compact JSON; `None` if the body is not JSON.
pub(crate) fn body(bytes: &[u8]) -> Option<String> {
    let raw: &RawValue = serde_json::from_slice(bytes).ok()?;
    let mut out = String::with_capacity(bytes.len());
    let top = if raw.get().starts_with('{') { Meaning::Envelope } else { Meaning::Hidden };
    write_value(&mut out, raw, top, 0);
    Some(out)
}

/// Headers of routes are masked, because routes may fill them from the body.
pub(crate) fn header(name: &str, value: &str) -> String {
    let shows = match name {
        names::CE_ID | names::CE_SUBJECT | names::TRACEPARENT | names::DLQ_SOURCE | names::DLQ_EVENT_ID => {
            is_id(value)
        }
        names::CE_TYPE => is_type(value),
        names::CE_TIME | names::DLQ_RECEIVED_AT | names::DLQ_REPLAYED_AT | names::REPLAYED => is_time(value),
        names::CE_DIALECT | names::DLQ_REASON => is_word(value),
        names::CE_SOURCE => value.strip_prefix("/justcall/").is_some_and(is_id),
        names::DLQ_REPLAYED => is_place(value),
        names::DLQ_DETAIL | names::DLQ_TOPIC => is_plain(value),
        names::CE_SPECVERSION => value == "1.0",
        names::CONTENT_TYPE => value == "application/json",
        names::VIOLATIONS => value.len() < 7 && value.bytes().all(|byte| byte.is_ascii_digit()),
        _ => false,
    };
    if shows { value.to_owned() } else { MASK.to_owned() }
}

/// Prints only the entity id, because a route can use any field as the key.
pub(crate) fn key(key: &str, subject: Option<&str>) -> String {
    if subject == Some(key) && is_id(key) { key.to_owned() } else { MASK.to_owned() }
}

fn write_value(out: &mut String, raw: &RawValue, meaning: Meaning, depth: usize) {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'{' | b'[') if depth == MAX_DEPTH => push_string(out, MASK),
        Some(b'{') => write_object(out, text, meaning, depth),
        Some(b'[') => write_array(out, text, meaning, depth),
        Some(b'"') => match serde_json::from_str::<String>(text) {
            Ok(value) if value.is_empty() || shows(&value, meaning) => push_string(out, &value),
            _ => push_string(out, MASK),
        },
        Some(b't' | b'f' | b'n') => out.push_str(text),
        // A number can be a phone number.
        _ if meaning == Meaning::Id || shape::digits(text) < 7 => out.push_str(text),
        _ => push_string(out, MASK),
    }
}

fn shows(value: &str, meaning: Meaning) -> bool {
    match meaning {
        Meaning::Id => is_id(value),
        Meaning::Word => is_word(value),
        Meaning::Type => is_type(value),
        Meaning::Time => is_time(value),
        Meaning::FieldName => fields::is_known(value),
        Meaning::Envelope | Meaning::Object | Meaning::Number | Meaning::Hidden => false,
    }
}

fn write_object(out: &mut String, text: &str, of: Meaning, depth: usize) {
    out.push('{');
    let mut first = true;
    let fields = FieldVisitor(|name: String, value: &RawValue| {
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        let meaning = meaning(&name, of);
        push_string(out, if meaning.is_some() { &name } else { MASK });
        out.push(':');
        write_value(out, value, meaning.unwrap_or(Meaning::Hidden), depth + 1);
    });
    // Only a name that is not valid Unicode ends the loop early: the text was parsed before.
    let _ = serde_json::Deserializer::from_str(text).deserialize_map(fields);
    out.push('}');
}

fn write_array(out: &mut String, text: &str, meaning: Meaning, depth: usize) {
    let items: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
    out.push('[');
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_value(out, item, meaning, depth + 1);
    }
    out.push(']');
}

fn push_string(out: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{}", serde_json::Value::from(text));
}

struct FieldVisitor<F>(F);

impl<'de, F: FnMut(String, &'de RawValue)> Visitor<'de> for FieldVisitor<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((name, value)) = map.next_entry()? {
            (self.0)(name, value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
