//! Dead letters: records of events that no retry can deliver.

mod kept;

pub(crate) use kept::{Kept, replayed, replayed_of};

use super::RecordFailure;
use crate::record::{Headers, Record, TraceContext, names};
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use justcall_events::EventId;
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct DeadLetter<'a> {
    pub topic: &'a Arc<str>,
    pub source: &'a str,
    pub id: &'a EventId,
    pub reason: &'a str,
    /// Without any part of the body.
    pub detail: String,
    pub received_at: DateTime<Utc>,
    pub trace: Option<&'a TraceContext>,
}

impl DeadLetter<'_> {
    /// Returns the record: the body as received, and the reason. It has no `ce_` headers because it is not an
    /// event, and no key.
    pub(crate) fn record(self, body: Bytes) -> Record {
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

pub(super) const fn reason_of(failure: RecordFailure) -> &'static str {
    match failure {
        RecordFailure::TooLarge => names::TOO_LARGE_FOR_KAFKA,
        _ => names::REFUSED_BY_KAFKA,
    }
}

pub(super) fn of_refused(topic: &Arc<str>, record: &Record, failure: RecordFailure) -> Record {
    let reason = reason_of(failure);
    let source = record.headers.get(names::CE_SOURCE).unwrap_or_default();
    let source = source.strip_prefix(b"/justcall/").unwrap_or(source);
    let id = record.headers.get(names::CE_ID).unwrap_or_default();
    let received_at = DateTime::from_timestamp_millis(record.timestamp).unwrap_or_default();
    let detail = format!("{failure}: for topic {}", record.topic);
    let trace = TraceContext::from_headers(&record.headers);
    let headers = headers(reason, &detail, source, id, received_at, trace.as_ref());
    // The event's other topics have the record.
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
