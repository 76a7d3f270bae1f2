//! A validated event.

use crate::{Dialect, EventId, EventType};
use std::borrow::Cow;

/// Webhook that passed the checks, borrowing from its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// Format of the body.
    pub dialect: Dialect,
    /// Type of the event.
    pub event_type: EventType<'a>,
    /// Identity of this event: the `ce_id` header.
    pub id: EventId,
    /// Call, message, contact or appointment that the event is about: the key of its records. Known types
    /// always have one. `None`: an unknown type without one.
    pub entity_id: Option<Cow<'a, str>>,
    /// Time of the event, RFC 3339: `timestamp` in the documented dialect, the time inside `request_id` in
    /// the live one. `None`: the body has no time.
    pub time: Option<Cow<'a, str>>,
    /// Number of violations that [`Validation::Tolerant`](crate::Validation::Tolerant) ignored.
    pub violations: u32,
}
