//! The bridge from JustCall's webhooks to Apache Kafka.
//!
//! The event types in [`event`] are public for consumers of the topics.

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
pub mod telemetry;
