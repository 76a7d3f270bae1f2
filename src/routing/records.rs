//! The records of an event.

use super::header::OwnHeaders;
use super::table::{Decision, Table};
use super::values::{Pointed, Values};
use crate::record::{Headers, Record, TraceContext, names};
use bytes::Bytes;
use chrono::{DateTime, Datelike, Timelike, Utc};
use justcall_events::{Event, Picks, is_forbidden};
use smallvec::SmallVec;
use std::io::Write;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// An event's records, one for each topic. One is the usual case, and needs no allocation.
pub type Records = SmallVec<[Record; 1]>;

/// What records say that the event itself does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordContext<'a> {
    /// The `ce_source` header, such as `/justcall/main`.
    pub source_uri: &'a str,
    /// When the webhook arrived: the records' time.
    pub received_at: DateTime<Utc>,
    /// The time in its signed header, if there is one.
    pub signed_at: Option<DateTime<Utc>>,
    /// The trace that the event belongs to, if any.
    pub trace: Option<&'a TraceContext>,
}

/// What becomes of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Routed {
    /// Records, at most one for each topic.
    Records {
        /// The records.
        records: Records,
        /// Number of headers that a route asked for and whose values no header may have.
        left_out: u32,
    },
    /// Nothing: a route says so.
    Dropped,
    /// A dead letter: its type is unknown, and no route takes it.
    DeadLetter,
}

/// A longer value is no key: it becomes part of every record, which must stay below Kafka's limit.
const LONGEST_KEY: usize = 256;

impl Table {
    /// The event's records, which share `body` as their value. `picks` are the fields that were taken
    /// along for [`Table::picks`].
    pub fn records(
        &self,
        event: &Event<'_>,
        picks: &Picks<'_, '_>,
        body: &Bytes,
        context: &RecordContext<'_>,
    ) -> Routed {
        let values = Values::new(&self.pointers, picks, event);
        let destinations = match self.decide_by(event, &values) {
            Decision::Forward(destinations) => destinations,
            Decision::Drop(_) => return Routed::Dropped,
            Decision::DeadLetter => return Routed::DeadLetter,
        };
        let mut records = Records::new();
        let mut left_out = 0;
        for destination in &destinations {
            let headers = headers(event, &destination.headers, &values, context, &mut left_out);
            let key = key(&headers, &destination.key, &values);
            // `repeat_n` moves the last one, so that a single record clones nothing.
            let shared = std::iter::repeat_n((key, headers), destination.topics.len());
            for (topic, (key, headers)) in destination.topics.iter().zip(shared) {
                // The first of the routes that name a topic writes it.
                if destinations.len() > 1 && records.iter().any(|record: &Record| record.topic == *topic) {
                    continue;
                }
                let timestamp = context.received_at.timestamp_millis();
                let (topic, value) = (Arc::clone(topic), body.clone());
                records.push(Record { topic, key, headers, value, timestamp });
            }
        }
        Routed::Records { records, left_out }
    }
}

/// The first key that the route's pointers find, without control characters, else the entity id: the bytes that are a header already.
fn key(headers: &Headers, pointers: &[Pointed], values: &Values<'_, '_>) -> Option<Bytes> {
    let is_key = |text: &&str| text.len() <= LONGEST_KEY && !text.contains(is_forbidden);
    let pointed = pointers.iter().find_map(|pointed| values.get(pointed).text().filter(is_key));
    pointed
        .map(|text| Bytes::copy_from_slice(text.as_bytes()))
        .or_else(|| headers.get_bytes(names::CE_SUBJECT))
}

/// CloudEvents' headers, the bridge's and the route's, in one buffer of the right size.
fn headers(
    event: &Event<'_>,
    own: &OwnHeaders,
    values: &Values<'_, '_>,
    context: &RecordContext<'_>,
    left_out: &mut u32,
) -> Headers {
    let (mut time, mut count) = (ShortText::default(), ShortText::default());
    let violations = (event.violations > 0).then(|| count.write(format_args!("{}", event.violations)));
    let headers = [
        (names::CE_SPECVERSION, Some("1.0")),
        (names::CE_ID, Some(event.id.as_str())),
        (names::CE_SOURCE, Some(context.source_uri)),
        (names::CE_TYPE, Some(event.event_type.name())),
        (names::CE_TIME, Some(event.time.as_deref().unwrap_or_else(|| time.write_time(context)))),
        (names::CE_SUBJECT, event.entity_id.as_deref()),
        (names::CE_DIALECT, Some(event.dialect.name())),
        (names::CONTENT_TYPE, Some("application/json")),
        (names::TRACEPARENT, context.trace.map(TraceContext::traceparent)),
        (names::TRACESTATE, context.trace.and_then(TraceContext::tracestate)),
        (names::VIOLATIONS, violations),
    ];
    let present = || headers.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
    let size: usize = present().map(|(name, value)| 1 + name.len() + 4 + value.len()).sum();
    let builder = present()
        .fold(Headers::builder(size + own.fixed.size()), |builder, (name, value)| builder.add(name, value));
    own.write(builder, values, left_out).build()
}

/// A number or a time as text, on the stack.
#[derive(Default)]
struct ShortText([u8; 32]);

impl ShortText {
    fn write(&mut self, text: std::fmt::Arguments<'_>) -> &str {
        let mut rest = &mut self.0[..];
        // Longer text would be cut; neither a count nor a time is.
        let _ = rest.write_fmt(text);
        let left = rest.len();
        std::str::from_utf8(&self.0[..self.0.len() - left]).unwrap_or_default()
    }

    /// When the event was signed, else when it arrived: RFC 3339 with milliseconds.
    fn write_time(&mut self, context: &RecordContext<'_>) -> &str {
        let at = context.signed_at.unwrap_or(context.received_at);
        // A leap second counts as up to 1999 milliseconds of the second before.
        let millis = at.timestamp_subsec_millis().min(999);
        self.write(format_args!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{millis:03}Z",
            at.year(),
            at.month(),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
        ))
    }
}
