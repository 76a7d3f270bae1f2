//! What the bridge shows of itself: logs, metrics, traces, readiness. A leaf, open to every part.

mod allowance;
mod catalogue;
mod client;
mod config;
mod histogram;
mod logs;
mod metrics;
mod process;
mod readiness;
mod series;
mod sources;
mod throttle;
mod topics;
mod traces;

pub use allowance::Allowance;
pub use catalogue::{CATALOGUE, Description, Kind, Label, Values, tags};
pub use client::ClientFigures;
pub use config::{Config, LogFormat, OtlpConfig, Ratio};
pub use histogram::Histogram;
pub use logs::{LogError, check_filter, flush, init};
pub use metrics::{CONTENT_TYPE, EventOutcome, Metrics};
pub use readiness::{KafkaState, Readiness, SpoolState, State};
pub use sources::{Answers, SecretFigures, SourceCounters};
pub use throttle::Throttle;
pub use topics::TopicCounters;
pub use traces::{DrainSpans, Ended, Spans, Step, Trace, TraceError, Tracer, check_endpoint, check_header};
