//! What the operator says about logs and traces.

use crate::secret::Secret;
use std::collections::BTreeMap;
use std::time::Duration;

/// Settings under `telemetry`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How a log line looks.
    pub log_format: LogFormat,
    /// Which lines are written: `info`, or a filter such as `info,justcall_kafka_bridge=debug`.
    pub log_filter: String,
    /// One of so many events that went well has a line; 0: none.
    pub log_sample: u64,
    /// Where traces go.
    pub otlp: OtlpConfig,
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

/// Settings `telemetry.otlp_…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtlpConfig {
    /// The collector's base URL. `None`: nothing is traced.
    pub endpoint: Option<String>,
    /// Headers that it is sent, by name; among them, perhaps, what lets the bridge in there.
    pub headers: BTreeMap<String, Secret>,
    /// The files that some of the headers were read from, by name.
    pub header_files: BTreeMap<String, String>,
    /// How long it has to take a batch, tries included.
    pub timeout: Duration,
    /// The part that is traced of the events whose caller has no trace.
    pub sample_ratio: Ratio,
}

/// A part of a whole, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio(u32);

impl Ratio {
    /// The whole.
    pub const ALL: Self = Self(MILLION);

    /// That part, which must be from 0 to 1; rounded to millionths.
    pub fn new(part: f64) -> Option<Self> {
        (0.0..=1.0).contains(&part).then(|| Self((part * f64::from(MILLION)).round() as u32))
    }

    /// The part, from 0 to 1.
    pub fn value(self) -> f64 {
        f64::from(self.0) / f64::from(MILLION)
    }
}

const MILLION: u32 = 1_000_000;
