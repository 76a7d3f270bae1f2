//! Headers that a route adds.

use super::config::HeaderValue;
use super::field_values::{FieldRef, FieldValues};
use crate::record::{Headers, HeadersBuilder, names};
use justcall_events::is_forbidden;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouteHeaders {
    pub fixed: Headers,
    /// Headers read from each event.
    pub from_fields: Arc<[FieldHeader]>,
}

/// Header read from each event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldHeader {
    pub name: Box<str>,
    /// Fields for the value, tried in order. Without a text the header is left out.
    pub fields: Box<[FieldRef]>,
}

/// Largest size of a route's headers, in bytes: half of the difference between the largest record and the
/// largest body.
const MAX_HEADERS_SIZE: usize = 8 * 1024;

/// Longest value from an event, in bytes. A longer one is left out, because it could exceed Kafka's record
/// limit.
const MAX_VALUE_LEN: usize = 1024;

impl RouteHeaders {
    /// Returns the largest size of the headers, in bytes.
    pub(super) fn max_size(&self) -> usize {
        let size = |header: &FieldHeader| 1 + header.name.len() + 4 + MAX_VALUE_LEN;
        self.fixed.size() + self.from_fields.iter().map(size).sum::<usize>()
    }

    /// Adds the headers to a record. Increments `left_out` for each header without a valid value.
    pub(super) fn write(
        &self,
        builder: HeadersBuilder,
        values: &FieldValues<'_, '_>,
        left_out: &mut u32,
    ) -> HeadersBuilder {
        let is_allowed = |text: &&str| text.len() <= MAX_VALUE_LEN && !text.contains(is_forbidden);
        self.from_fields.iter().fold(builder.extend(&self.fixed), |builder, header| {
            let mut texts = header.fields.iter().filter_map(|field| values.get(field).text()).peekable();
            let has_text = texts.peek().is_some();
            match texts.find(is_allowed) {
                Some(text) => builder.add(&header.name, text),
                None => {
                    *left_out += u32::from(has_text);
                    builder
                }
            }
        })
    }
}

/// Validates a route's headers. Reports and leaves out invalid ones.
pub(super) fn read(
    config: &BTreeMap<String, HeaderValue>,
    read_field: &mut impl FnMut(&String) -> Result<FieldRef, String>,
    at: impl Fn(&str) -> String,
    report: &mut impl FnMut(String, String),
) -> RouteHeaders {
    let mut fixed = Headers::builder(0);
    let mut from_fields = Vec::new();
    for (name, value) in config {
        let setting = format!("headers.{name}");
        if let Err(reason) = check_name(name) {
            report(at(&setting), reason);
            continue;
        }
        match value {
            HeaderValue::Text(text) if text.contains(char::is_control) => {
                report(at(&setting), "has a control character in its value".into());
            }
            HeaderValue::Text(text) => fixed = fixed.add(name, text),
            HeaderValue::From(fields) if fields.is_empty() => {
                report(at(&setting), "`from` is empty; it needs a named field or a JSON pointer".into());
            }
            HeaderValue::From(fields) => match fields.iter().map(&mut *read_field).collect() {
                Ok(fields) => from_fields.push(FieldHeader { name: name.as_str().into(), fields }),
                Err(reason) => report(at(&setting), reason),
            },
        }
    }
    let headers = RouteHeaders { fixed: fixed.build(), from_fields: from_fields.into() };
    if headers.max_size() > MAX_HEADERS_SIZE {
        let reason = format!(
            "are larger than {MAX_HEADERS_SIZE} bytes in total; a header read from the event counts \
             {MAX_VALUE_LEN} bytes, the longest accepted value"
        );
        report(at("headers"), reason);
    }
    headers
}

fn check_name(name: &str) -> Result<(), String> {
    let lower = name.to_ascii_lowercase();
    if name.is_empty() {
        Err("a header's name is empty".into())
    } else if name.contains(char::is_control) {
        Err("a header's name has a control character".into())
    } else if name.len() > usize::from(u8::MAX) {
        Err("a header's name is longer than 255 bytes".into())
    } else if names::RESERVED_PREFIXES.iter().any(|prefix| lower.starts_with(prefix)) {
        Err("header names that begin with `ce_`, `dlq_` or `justcall-` are reserved for the bridge".into())
    } else if names::is_written(&lower) {
        Err("is a header that the bridge writes itself".into())
    } else {
        Ok(())
    }
}
