//! The JustCall contract: what a webhook's body may look like and what it says about itself.
//!
//! Everything here is pure: bytes in, facts or a named violation out. One body goes through
//! [`scan`] (is it an envelope, and of which dialect?) and [`Envelope::validate`] (does it keep the
//! contract of its type?), which yields the [`Event`]. Consumers read a record's value of the
//! documented dialect with [`Documented::from_slice`].

mod call;
mod catalogue;
mod contact;
mod documented;
mod envelope;
mod event_id;
mod field;
mod identity;
mod json;
mod metadata;
mod named_field;
mod picks;
mod samples;
mod schema;
mod sms;
mod text;
mod validation;
mod voicemail;

pub use call::{CallAnswered, CallCompleted, CallMissed};
pub use catalogue::{Dialect, EventType, Family, KnownType};
pub use contact::{ContactCreated, ContactId, ContactUpdated};
pub use documented::{Documented, DocumentedData};
pub use envelope::{Envelope, Malformed, Scanned, scan, scan_with};
pub use event_id::{BodyHash, EventId};
pub use field::{Field, Kind};
pub use identity::identity_pointers;
pub(crate) use metadata::is_forbidden;
pub use named_field::{Direction, NamedField, Place};
pub use picks::{Level, Pick, Picks};
pub use samples::samples;
pub use schema::{META_SCHEMA, schema, schema_of_unknown};
pub use sms::{SmsDelivered, SmsReceived, SmsSent};
pub use text::Text;
pub use validation::{JsonType, Validation, Violation};
pub use voicemail::VoicemailReceived;

use std::borrow::Cow;

/// One webhook that passed the checks, borrowing from its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// The format the body is written in.
    pub dialect: Dialect,
    /// What happened.
    pub event_type: EventType<'a>,
    /// Identity of this one event: the `ce_id` header.
    pub id: EventId,
    /// The call, message, contact or appointment it is about: key of its records. Always there for
    /// known types, `None` where an unknown type has none.
    pub entity_id: Option<Cow<'a, str>>,
    /// When it happened, RFC 3339, as far as the body tells: the documented dialect's `timestamp` as
    /// it stands, or the time inside the live dialect's `request_id`.
    pub time: Option<Cow<'a, str>>,
    /// How many violations [`Validation::Tolerant`] let pass.
    pub violations: u32,
}
