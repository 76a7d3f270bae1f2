//! A route's own headers.

use super::config::HeaderValue;
use super::values::{Pointed, Values};
use crate::record::{Headers, HeadersBuilder, names};
use justcall_events::is_forbidden;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A route's own headers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnHeaders {
    /// Those that are always the same.
    pub fixed: Headers,
    /// Those that are read from each event.
    pub pointed: Arc<[PointedHeader]>,
}

/// A header that is read from each event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointedHeader {
    /// Its name.
    pub name: Box<str>,
    /// Where its value stands, tried in order; it is left out where none finds text.
    pub pointers: Box<[Pointed]>,
}

/// Room that a route's headers may take, in bytes: half of what is left between the largest body and
/// the largest record.
const LARGEST_HEADERS: usize = 8 * 1024;

/// A longer value of an event is left out, or one field could make a record that Kafka can never take.
const LONGEST_VALUE: usize = 1024;

impl OwnHeaders {
    /// Bytes that they take at most.
    pub(super) fn size(&self) -> usize {
        let pointed = |header: &PointedHeader| 1 + header.name.len() + 4 + LONGEST_VALUE;
        self.fixed.size() + self.pointed.iter().map(pointed).sum::<usize>()
    }

    /// Adds them to a record's, and to `left_out` the number of those whose values no header may have.
    pub(super) fn write(
        &self,
        builder: HeadersBuilder,
        values: &Values<'_, '_>,
        left_out: &mut u32,
    ) -> HeadersBuilder {
        let is_allowed = |text: &&str| text.len() <= LONGEST_VALUE && !text.contains(is_forbidden);
        self.pointed.iter().fold(builder.extend(&self.fixed), |builder, header| {
            let mut texts =
                header.pointers.iter().filter_map(|pointed| values.get(pointed).text()).peekable();
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

/// Checks a route's headers; what is wrong is left out and reported.
pub(super) fn read(
    config: &BTreeMap<String, HeaderValue>,
    point: &mut impl FnMut(&String) -> Result<Pointed, String>,
    at: impl Fn(&str) -> String,
    report: &mut impl FnMut(String, String),
) -> OwnHeaders {
    let mut fixed = Headers::builder(0);
    let mut pointed = Vec::new();
    for (name, value) in config {
        let setting = format!("headers.{name}");
        if let Err(reason) = check_name(name) {
            report(at(&setting), reason);
            continue;
        }
        match value {
            HeaderValue::Text(text) => fixed = fixed.add(name, text),
            HeaderValue::From(pointers) if pointers.is_empty() => {
                report(at(&setting), "`from` names no field, neither by name nor by JSON pointer".into());
            }
            HeaderValue::From(pointers) => match pointers.iter().map(&mut *point).collect() {
                Ok(pointers) => pointed.push(PointedHeader { name: name.as_str().into(), pointers }),
                Err(reason) => report(at(&setting), reason),
            },
        }
    }
    let headers = OwnHeaders { fixed: fixed.build(), pointed: pointed.into() };
    if headers.size() > LARGEST_HEADERS {
        let reason = format!(
            "are larger than {LARGEST_HEADERS} bytes together; each that is read from the event counts \
             {LONGEST_VALUE}, the longest value that is taken"
        );
        report(at("headers"), reason);
    }
    headers
}

fn check_name(name: &str) -> Result<(), String> {
    let lower = name.to_ascii_lowercase();
    if name.is_empty() {
        Err("a header's name is empty".into())
    } else if name.len() > usize::from(u8::MAX) {
        Err("a header's name is longer than 255 bytes".into())
    } else if names::RESERVED_BEGINNINGS.iter().any(|own| lower.starts_with(own)) {
        Err("header names that begin with `ce_`, `dlq_` or `justcall-` are the bridge's own".into())
    } else if names::is_written(&lower) {
        Err("is a header that the bridge writes itself".into())
    } else {
        Ok(())
    }
}
