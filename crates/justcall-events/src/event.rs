use crate::{Dialect, EventId, EventType};
use std::borrow::Cow;

/// Validated webhook, borrowed from its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// Format.
    pub dialect: Dialect,
    /// Type of the event.
    pub event_type: EventType<'a>,
    /// `ce_id` header.
    pub id: EventId,
    /// Record key: call, message, contact or appointment. `None` only for an unknown type.
    pub entity_id: Option<Cow<'a, str>>,
    /// RFC 3339 time: `timestamp` (documented) or from `request_id` (live). `None`: missing.
    pub time: Option<Cow<'a, str>>,
    /// Violations that [`Validation::Tolerant`](crate::Validation::Tolerant) ignored.
    pub violations: u32,
}
