//! What is kept of an event that no retry can help.

use super::Rejection;
use crate::event::EventId;
use crate::record::{Headers, Record};
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use std::sync::Arc;

/// The record of a dead letter: the bytes as they came, and why. It has no `ce_` headers, for it is
/// no event, and no key, for nothing identifies it.
pub(super) fn record(
    topic: &Arc<str>,
    source: &str,
    id: &EventId,
    rejection: &Rejection,
    received_at: DateTime<Utc>,
    body: Bytes,
) -> Record {
    let headers = Headers::builder(256)
        .add("dlq_reason", rejection.tag())
        .add("dlq_detail", rejection.to_string())
        .add("dlq_source", source)
        .add("dlq_received_at", received_at.to_rfc3339_opts(SecondsFormat::Millis, true))
        .add("dlq_event_id", id.as_str())
        .build();
    Record {
        topic: Arc::clone(topic),
        key: None,
        headers,
        value: body,
        timestamp: received_at.timestamp_millis(),
    }
}
