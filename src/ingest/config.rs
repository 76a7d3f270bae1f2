//! Settings of sources, dead letters and deduplication.

use super::SignatureConfig;
use crate::secret::Secret;
use justcall_events::{Dialect, Validation};
use std::path::PathBuf;
use std::time::Duration;

/// Settings under `sources`, `dead_letter` and `deduplication`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// By name.
    pub sources: Vec<SourceConfig>,
    pub dead_letter: DeadLetterConfig,
    pub deduplication: DeduplicationConfig,
}

/// One entry of `sources`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceConfig {
    /// `ce_source` is `/justcall/<name>`.
    pub name: String,
    pub path: String,
    pub validation: Validation,
    /// `signature`
    pub signature: SignatureConfig,
    /// Bearer token, or last segment of the path.
    pub token: Option<Secret>,
    /// One token a line, read again when it changes.
    pub token_file: Option<PathBuf>,
}

impl SourceConfig {
    pub fn takes_token(&self) -> bool {
        self.token.is_some() || self.token_file.is_some()
    }

    /// Only the live dialect is signed.
    pub fn takes(&self, dialect: Dialect) -> bool {
        dialect == Dialect::Live || !self.signature.enforces()
    }
}

/// Settings under `dead_letter`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterConfig {
    pub topic: String,
    pub answer: DeadLetterAnswer,
}

/// Response once the dead letter is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeadLetterAnswer {
    /// 400 or 422.
    #[default]
    Problem,
    /// 200, for senders that pause a webhook after failures.
    Ok,
}

/// Settings under `deduplication`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeduplicationConfig {
    /// Zero disables deduplication.
    pub window: Duration,
    /// The oldest event is forgotten first.
    pub capacity: usize,
}
