//! What is kept of an event that no retry can help.

mod kept;

pub use kept::{Kept, replayed, replayed_of};

use super::Failure;
use crate::record::{Headers, Record, TraceContext, names};
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use justcall_events::EventId;
use std::sync::Arc;

/// A rejected event.
#[derive(Debug)]
pub struct DeadLetter<'a> {
    /// The dead-letter topic.
    pub topic: &'a Arc<str>,
    /// The source's name.
    pub source: &'a str,
    /// The event's id.
    pub id: &'a EventId,
    /// Stable tag: `dlq_reason`.
    pub reason: &'a str,
    /// For a person: `dlq_detail`. No part of the body.
    pub detail: String,
    /// When it was received.
    pub received_at: DateTime<Utc>,
    /// The trace that it belongs to, if any.
    pub trace: Option<&'a TraceContext>,
}

impl DeadLetter<'_> {
    /// The record: the bytes as they came, and why. It has no `ce_` headers, for it is no event, and
    /// no key, for nothing identifies it.
    pub fn record(self, body: Bytes) -> Record {
        Record {
            topic: Arc::clone(self.topic),
            key: None,
            headers: headers(
                self.reason,
                &self.detail,
                self.source.as_bytes(),
                self.id.as_str().as_bytes(),
                self.received_at,
                self.trace,
            ),
            value: body,
            timestamp: self.received_at.timestamp_millis(),
        }
    }
}

/// Stable tag of a permanent refusal: `dlq_reason`.
pub(super) const fn reason_of(failure: Failure) -> &'static str {
    match failure {
        Failure::TooLarge => names::TOO_LARGE_FOR_KAFKA,
        _ => names::REFUSED_BY_KAFKA,
    }
}

/// Returns the dead letter of a record that Kafka refuses permanently.
pub(super) fn of_refused(topic: &Arc<str>, record: &Record, failure: Failure) -> Record {
    let reason = reason_of(failure);
    let source = record.headers.get(names::CE_SOURCE).unwrap_or_default();
    let source = source.strip_prefix(b"/justcall/").unwrap_or(source);
    let id = record.headers.get(names::CE_ID).unwrap_or_default();
    let received_at = DateTime::from_timestamp_millis(record.timestamp).unwrap_or_default();
    let detail = format!("{failure}: for topic {}", record.topic);
    let trace = TraceContext::of(&record.headers);
    let headers = headers(reason, &detail, source, id, received_at, trace.as_ref());
    // The event's other topics have it.
    let refused_by =
        Headers::builder(headers.size() + 64).extend(&headers).add(names::DLQ_TOPIC, &*record.topic);
    Record {
        topic: Arc::clone(topic),
        key: None,
        headers: refused_by.build(),
        value: record.value.clone(),
        timestamp: record.timestamp,
    }
}

fn headers(
    reason: &str,
    detail: &str,
    source: &[u8],
    id: &[u8],
    received_at: DateTime<Utc>,
    trace: Option<&TraceContext>,
) -> Headers {
    let headers = Headers::builder(320)
        .add(names::DLQ_REASON, reason)
        .add(names::DLQ_DETAIL, detail)
        .add(names::DLQ_SOURCE, source)
        .add(names::DLQ_RECEIVED_AT, received_at.to_rfc3339_opts(SecondsFormat::Millis, true))
        .add(names::DLQ_EVENT_ID, id);
    let traced = [
        (names::TRACEPARENT, trace.map(TraceContext::traceparent)),
        (names::TRACESTATE, trace.and_then(TraceContext::tracestate)),
    ];
    let present = traced.into_iter().filter_map(|(name, value)| Some((name, value?)));
    present.fold(headers, |headers, (name, value)| headers.add(name, value)).build()
}
