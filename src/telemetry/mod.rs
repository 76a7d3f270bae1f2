//! What the bridge shows of itself: logs, metrics, readiness. A leaf, open to every part.

mod catalogue;
mod client;
mod config;
mod histogram;
mod logs;
mod metrics;
mod process;
mod readiness;
mod sources;
mod throttle;
mod topics;

pub use catalogue::{CATALOGUE, Description, Kind, Label, Values, tags};
pub use client::ClientFigures;
pub use config::{Config, LogFormat};
pub use histogram::Histogram;
pub use logs::{LogError, check_filter, init};
pub use metrics::{CONTENT_TYPE, EventOutcome, Metrics};
pub use readiness::{KafkaState, Readiness, SpoolState, State};
pub use sources::{Answers, SecretFigures, SourceCounters};
pub use throttle::Throttle;
pub use topics::TopicCounters;
