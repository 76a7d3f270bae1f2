//! One Kafka record on its way: a topic, a key, headers and the body's bytes.
//!
//! A record owns everything it needs, for it outlives the request: Kafka may acknowledge it after
//! the caller was answered. The body and the event's headers are shared between the records of one
//! event, not copied.

mod headers;
pub mod names;
mod partition;
mod trace;

pub use headers::{Headers, HeadersBuilder};
pub use names::{TRACEPARENT, TRACESTATE};
pub use partition::partition;
pub use trace::TraceContext;

use bytes::Bytes;
use std::sync::Arc;

/// What is written to Kafka.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The topic, which is also the record's lane.
    pub topic: Arc<str>,
    /// The entity id in UTF-8; `None` where the event has none, and Kafka spreads such records.
    pub key: Option<Bytes>,
    /// Names and values, in the order they are written.
    pub headers: Headers,
    /// The body as it came.
    pub value: Bytes,
    /// Milliseconds since 1970.
    pub timestamp: i64,
}

impl Record {
    /// Bytes that the record keeps from being freed.
    pub fn size(&self) -> usize {
        self.key.as_ref().map_or(0, Bytes::len) + self.headers.size() + self.value.len()
    }
}
