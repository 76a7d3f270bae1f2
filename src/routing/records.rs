//! Records of an event.

use super::field_values::{FieldRef, FieldValues};
use super::route_headers::RouteHeaders;
use super::table::{Decision, RouteTable};
use crate::record::{Headers, Record, TraceContext, names};
use bytes::Bytes;
use chrono::{DateTime, Datelike, Timelike, Utc};
use justcall_events::{Event, Picks, is_forbidden};
use smallvec::SmallVec;
use std::io::Write;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// Records of an event, one for each topic. A single record needs no allocation.
pub(crate) type Records = SmallVec<[Record; 1]>;

/// Data for records that is not part of the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordContext<'a> {
    /// `ce_source` header, such as `/justcall/main`.
    pub source_uri: &'a str,
    /// Time of receipt, which is the records' timestamp.
    pub received_at: DateTime<Utc>,
    /// Time in the signed header, if there is one.
    pub signed_at: Option<DateTime<Utc>>,
    /// Trace of the event, if any.
    pub trace: Option<&'a TraceContext>,
}

/// Result of routing an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Routed {
    /// Records, at most one for each topic.
    Records {
        /// Records.
        records: Records,
        /// Number of route headers left out because of their values.
        left_out: u32,
    },
    /// A route drops the event.
    Dropped,
    /// The type is unknown, and no route takes it.
    DeadLetter,
}

/// Longest key, in bytes. Every record carries it and must stay below Kafka's limit.
const MAX_KEY_LEN: usize = 256;

impl RouteTable {
    /// Returns the records of an event, which share `body` as their value. `picks` are the captured fields of
    /// [`RouteTable::picks`].
    pub fn records(
        &self,
        event: &Event<'_>,
        picks: &Picks<'_, '_>,
        body: &Bytes,
        context: &RecordContext<'_>,
    ) -> Routed {
        let values = FieldValues::new(&self.fields, picks, event);
        let destinations = match self.decide_with(event, &values) {
            Decision::Forward(destinations) => destinations,
            Decision::Drop(_) => return Routed::Dropped,
            Decision::DeadLetter => return Routed::DeadLetter,
        };
        let mut records = Records::new();
        let mut left_out = 0;
        for destination in &destinations {
            let headers = headers(event, &destination.headers, &values, context, &mut left_out);
            let key = key(&headers, &destination.key, &values);
            // `repeat_n` moves the last item, so that a single record clones nothing.
            let shared = std::iter::repeat_n((key, headers), destination.topics.len());
            for (topic, (key, headers)) in destination.topics.iter().zip(shared) {
                // The first route that names a topic writes its record.
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

/// Returns the first valid value of the route's key fields, or the entity id, which is already a header.
fn key(headers: &Headers, fields: &[FieldRef], values: &FieldValues<'_, '_>) -> Option<Bytes> {
    let is_key = |text: &&str| text.len() <= MAX_KEY_LEN && !text.contains(is_forbidden);
    let text = fields.iter().find_map(|field| values.get(field).text().filter(is_key));
    text.map(|text| Bytes::copy_from_slice(text.as_bytes())).or_else(|| headers.get_bytes(names::CE_SUBJECT))
}

/// Returns the CloudEvents headers, the bridge's own and the route's, in one buffer of the right size.
fn headers(
    event: &Event<'_>,
    route: &RouteHeaders,
    values: &FieldValues<'_, '_>,
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
        .fold(Headers::builder(size + route.fixed.size()), |builder, (name, value)| builder.add(name, value));
    route.write(builder, values, left_out).build()
}

/// Number or time as text, on the stack.
#[derive(Default)]
struct ShortText([u8; 32]);

impl ShortText {
    fn write(&mut self, text: std::fmt::Arguments<'_>) -> &str {
        let mut rest = &mut self.0[..];
        // Longer text would be cut, but neither a count nor a time is longer.
        let _ = rest.write_fmt(text);
        let left = rest.len();
        std::str::from_utf8(&self.0[..self.0.len() - left]).unwrap_or_default()
    }

    /// Writes the time of the signature, or of receipt, in RFC 3339 with milliseconds.
    fn write_time(&mut self, context: &RecordContext<'_>) -> &str {
        let at = context.signed_at.unwrap_or(context.received_at);
        // chrono represents a leap second as 1000 to 1999 milliseconds of the previous second.
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
