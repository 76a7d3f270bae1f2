//! Kafka record. It owns its parts, because Kafka may acknowledge it after the response. The records of one
//! event share the body and the event's headers.

mod headers;
pub(crate) mod json_form;
pub(crate) mod names;
mod partition;
mod trace_context;

pub(crate) use headers::{Headers, HeadersBuilder};
pub(crate) use names::{TRACEPARENT, TRACESTATE};
pub(crate) use partition::partition;
pub(crate) use trace_context::TraceContext;

use bytes::Bytes;
use std::sync::Arc;

/// Record for Kafka.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Also the record's lane.
    pub topic: Arc<str>,
    /// Usually the entity id. `None` for an event without one; Kafka distributes such records.
    pub key: Option<Bytes>,
    /// In the order they are written.
    pub headers: Headers,
    /// Body as received, after decompression.
    pub value: Bytes,
    /// Milliseconds since 1970.
    pub timestamp: i64,
}

impl Record {
    /// Returns the bytes in memory.
    pub fn size(&self) -> usize {
        self.key.as_ref().map_or(0, Bytes::len) + self.headers.size() + self.value.len()
    }
}
