//! Settings of sources, dead letters and deduplication.

use super::SignatureConfig;
use crate::secret::Secret;
use justcall_events::{Dialect, Validation};
use std::path::PathBuf;
use std::time::Duration;

/// Settings under `sources`, `dead_letter` and `deduplication`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Configured senders, in the order of their names.
    pub sources: Vec<SourceConfig>,
    /// Handling of rejected events.
    pub dead_letter: DeadLetterConfig,
    /// Memory of durable events.
    pub deduplication: DeduplicationConfig,
}

/// One entry of `sources`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceConfig {
    /// Name: `ce_source` is `/justcall/<name>`.
    pub name: String,
    pub path: String,
    /// Strictness of the validation of its events.
    pub validation: Validation,
    /// `signature`
    pub signature: SignatureConfig,
    /// Required token, as a bearer token or as the last segment of the path.
    pub token: Option<Secret>,
    /// File of more tokens, one a line, read again when it changes.
    pub token_file: Option<PathBuf>,
}

impl SourceConfig {
    /// Returns whether its events need a token.
    pub fn takes_token(&self) -> bool {
        self.token.is_some() || self.token_file.is_some()
    }

    /// Returns whether its events can be of a dialect. Only the live dialect is signed.
    pub fn takes(&self, dialect: Dialect) -> bool {
        dialect == Dialect::Live || !self.signature.enforces()
    }
}

/// Settings under `dead_letter`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterConfig {
    pub topic: String,
    /// Response to a rejected event.
    pub answer: DeadLetterAnswer,
}

/// Response to a rejected event, once its dead letter is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeadLetterAnswer {
    /// 400 or 422 with a problem document.
    #[default]
    Problem,
    /// 200 `dead_lettered`, for senders that pause a webhook after failures.
    Ok,
}

/// Settings under `deduplication`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeduplicationConfig {
    /// Time for which a durable event is remembered. Zero disables deduplication.
    pub window: Duration,
    /// Largest number of events remembered. The oldest is forgotten first.
    pub capacity: usize,
}
