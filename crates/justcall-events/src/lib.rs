#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod catalogue;
mod contact_id;
mod declare;
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
pub mod live;
mod metadata;
mod named_field;
mod picks;
pub mod signature;
mod text;
mod validation;

pub use catalogue::*;
pub use contact_id::ContactId;
pub use documented::Documented;
pub use entity_id::identity_pointers;
pub use envelope::{Envelope, Malformed, Scanned, scan, scan_with};
pub use event::Event;
pub use event_id::{BodyHash, EventId};
pub use event_type::{Dialect, EventType, Family};
pub use field::{Field, Kind};
#[cfg(feature = "schema")]
pub use json_schema::{META_SCHEMA, schema, schema_of_unknown};
pub use live::{Live, LiveData};
pub use metadata::is_forbidden;
pub use named_field::{Direction, NamedField, Place};
pub use picks::{Level, Pick, Picks};
pub use text::Text;
pub use validation::{JsonType, Validation, Violation};
