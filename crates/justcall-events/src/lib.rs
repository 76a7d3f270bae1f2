#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod call;
mod contact;
mod documented;
mod entity_id;
mod envelope;
mod event;
mod event_id;
mod event_type;
mod field;
mod json;
#[cfg(feature = "schema")]
mod json_schema;
mod metadata;
mod named_field;
mod picks;
mod samples;
pub mod signature;
mod sms;
mod text;
mod validation;
mod voicemail;

pub use call::{CallAnswered, CallCompleted, CallMissed};
pub use contact::{ContactCreated, ContactId, ContactUpdated};
pub use documented::{Documented, DocumentedData};
pub use entity_id::identity_pointers;
pub use envelope::{Envelope, Malformed, Scanned, scan, scan_with};
pub use event::Event;
pub use event_id::{BodyHash, EventId};
pub use event_type::{Dialect, EventType, Family, KnownType};
pub use field::{Field, Kind};
#[cfg(feature = "schema")]
pub use json_schema::{META_SCHEMA, schema, schema_of_unknown};
pub use metadata::is_forbidden;
pub use named_field::{Direction, NamedField, Place};
pub use picks::{Level, Pick, Picks};
pub use samples::samples;
pub use sms::{SmsDelivered, SmsReceived, SmsSent};
pub use text::Text;
pub use validation::{JsonType, Validation, Violation};
pub use voicemail::VoicemailReceived;
