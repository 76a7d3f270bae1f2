//! Bridge from JustCall webhooks to Apache Kafka.
//!
//! Consumers of the topics use the crate `justcall-events`, which has the contract of the events.

// Both panic if the output is closed. `terminal` does not.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod record;
pub mod routing;

mod backoff;
mod diagnostics;
mod explain;
mod masking;

pub mod app;
pub mod cli;
pub mod config;
pub mod delivery;
pub mod health;
pub mod http;
pub mod ingest;
mod input;
pub mod kafka;
mod private_file;
pub mod rate_limit;
mod replay;
mod schemas;
pub mod secret;
pub mod spool;
pub mod telemetry;
mod terminal;
mod topics;
pub mod watch;
