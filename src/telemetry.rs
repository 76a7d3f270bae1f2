//! Telemetry: logs, metrics and traces.

mod catalogue;
mod config;
mod histogram;
mod kafka_client_metrics;
mod labeled_metric;
mod logs;
mod metrics;
mod process_metrics;
mod registry;
mod source_metrics;
mod spool_metrics;
mod topic_metrics;
mod traces;

pub(crate) use catalogue::tags;
pub(crate) use catalogue::tags::EventOutcome;
pub(crate) use config::{Config, LogFormat, OtlpConfig, Ratio};
pub(crate) use histogram::Histogram;
pub(crate) use kafka_client_metrics::ClientFigures;
pub(crate) use logs::{LogError, check_filter, flush, init};
pub(crate) use metrics::CONTENT_TYPE;
#[allow(unreachable_pub, reason = "exported by `internals`")]
pub use metrics::Metrics;
pub(crate) use source_metrics::{ResponseCounters, SecretGauges, SourceCounters};
pub(crate) use spool_metrics::SpoolFigures;
pub(crate) use topic_metrics::TopicCounters;
#[allow(unreachable_pub, reason = "exported by `internals`")]
pub use traces::Tracer;
pub(crate) use traces::{
    DrainSpans, EndedEvent, EventSpans, OpenSpan, Trace, TraceError, check_endpoint, check_header,
};
