//! Settings of logs and traces.

use crate::secret::Secret;
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub log_format: LogFormat,
    /// Such as `info` or `info,justcall_kafka_bridge=debug`.
    pub log_filter: String,
    /// Logs one in `log_sample` successful events. 0: none.
    pub log_sample: u64,
    pub otlp: OtlpConfig,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    Text,
    Json,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtlpConfig {
    /// Base URL of the collector. `None` disables traces.
    pub endpoint: Option<String>,
    /// HTTP headers for the collector. They may contain credentials.
    pub headers: BTreeMap<String, Secret>,
    /// Files from which headers were read, by header name.
    pub header_files: BTreeMap<String, String>,
    /// Timeout of one batch, retries included.
    pub timeout: Duration,
    /// Part of the events without a caller's trace that is traced.
    pub sample_ratio: Ratio,
}

/// From 0 to 1, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio(u32);

impl Ratio {
    pub const ALL: Self = Self(MILLION);

    /// Rounds to millionths. `None` unless `part` is from 0 to 1.
    pub fn new(part: f64) -> Option<Self> {
        (0.0..=1.0).contains(&part).then(|| Self((part * f64::from(MILLION)).round() as u32))
    }

    pub fn value(self) -> f64 {
        f64::from(self.0) / f64::from(MILLION)
    }
}

const MILLION: u32 = 1_000_000;
