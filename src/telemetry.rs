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

pub use catalogue::tags::EventOutcome;
pub use catalogue::{CATALOGUE, Label, LabelValues, MetricDescription, MetricKind, tags};
pub use config::{Config, LogFormat, OtlpConfig, Ratio};
pub use histogram::Histogram;
pub use kafka_client_metrics::ClientFigures;
pub use logs::{LogError, check_filter, flush, init};
pub use metrics::{CONTENT_TYPE, Metrics};
pub use source_metrics::{ResponseCounters, SecretGauges, SourceCounters};
pub use spool_metrics::SpoolFigures;
pub use topic_metrics::TopicCounters;
pub use traces::{
    DrainSpans, EndedEvent, EventSpans, OpenSpan, Trace, TraceError, Tracer, check_endpoint, check_header,
};
