//! What the bridge shows of itself: logs, metrics, traces, readiness. A leaf, open to every part.

mod allowance;
mod catalogue;
mod config;
mod histogram;
mod logs;
mod metrics;
mod readiness;
mod sources;
mod throttle;
mod traces;

pub use allowance::Allowance;
pub use catalogue::{CATALOGUE, Description, Kind, Label, tags};
pub use config::{Config, LogFormat, OtlpConfig, Ratio};
pub use histogram::Histogram;
pub use logs::{LogError, check_filter, init};
pub use metrics::{CONTENT_TYPE, EventOutcome, Metrics};
pub use readiness::{KafkaState, Readiness, SpoolState, State};
pub use sources::SourceCounters;
pub use throttle::Throttle;
pub use traces::{DrainSpans, Ended, Spans, Step, Trace, TraceError, Tracer, check_endpoint, check_header};
