//! What the operator says about logs.

/// Settings under `telemetry`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How a log line looks.
    pub log_format: LogFormat,
    /// Which lines are written: `info`, or a filter such as `info,justcall_kafka_bridge=debug`.
    pub log_filter: String,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
