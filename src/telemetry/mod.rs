//! What the bridge shows of itself: logs, metrics, readiness. A leaf, open to every part.

mod catalogue;
mod config;
mod histogram;
mod logs;
mod metrics;
mod readiness;
mod sources;
mod throttle;

pub use catalogue::{CATALOGUE, Description, Kind, Label, tags};
pub use config::{Config, LogFormat};
pub use histogram::Histogram;
pub use logs::{LogError, check_filter, init};
pub use metrics::{CONTENT_TYPE, EventOutcome, Metrics};
pub use readiness::{KafkaState, Readiness, SpoolState, State};
pub use sources::SourceCounters;
pub use throttle::Throttle;
