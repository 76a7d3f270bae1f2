//! The bridge from JustCall's webhooks to Apache Kafka.
//!
//! Consumers of the topics use the crate `justcall-events`, which has the contract of the events.

// Both panic where the output is closed; `cli::output` has what to use.
#![warn(clippy::print_stdout, clippy::print_stderr)]

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
pub mod spool;
pub mod telemetry;
pub mod watch;
