//! The bridge from JustCall's webhooks to Apache Kafka.
//!
//! The event types in [`event`] are public for consumers of the topics:
//!
//! ```
//! use justcall_kafka_bridge::event::{Documented, DocumentedData};
//!
//! let value = br#"{"event":"call.missed","timestamp":"2026-05-04T08:15:00Z",
//!     "data":{"call_id":"call_77aa","from":"+14155550123","ring_duration":25}}"#;
//! let event = Documented::from_slice(value).expect("a documented event");
//! let DocumentedData::CallMissed(call) = event.data else { panic!("another type") };
//! assert_eq!(call.ring_duration, Some(25));
//! ```

// Both panic where the output is closed; `cli::output` has what to use.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod backoff;

pub mod event;
pub mod record;
pub mod routing;

pub mod app;
pub mod cli;
pub mod config;
pub mod delivery;
pub mod http;
pub mod ingest;
pub mod kafka;
pub mod secret;
pub mod signature;
pub mod spool;
pub mod telemetry;
pub mod watch;
