//! What the operator says about sources and what becomes of their events.

use super::SignatureConfig;
use crate::secret::Secret;
use justcall_events::{Dialect, Validation};
use std::path::PathBuf;
use std::time::Duration;

/// Settings under `sources`, `dead_letter` and `deduplication`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The configured senders, in the order of their names.
    pub sources: Vec<SourceConfig>,
    /// What becomes of rejected events.
    pub dead_letter: DeadLetterConfig,
    /// How long an event is remembered.
    pub deduplication: DeduplicationConfig,
}

/// One entry of `sources`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceConfig {
    /// Its name: `ce_source` is `/justcall/<name>`.
    pub name: String,
    /// The path it posts to.
    pub path: String,
    /// How strictly its events are held to the contract.
    pub validation: Validation,
    /// `signature`
    pub signature: SignatureConfig,
    /// What its events must come with, as a bearer token or as the path's last segment.
    pub token: Option<Secret>,
    /// A file of more such tokens, one a line, read again when it changes.
    pub token_file: Option<PathBuf>,
}

impl SourceConfig {
    /// Whether its events must come with a token.
    pub fn takes_token(&self) -> bool {
        self.token.is_some() || self.token_file.is_some()
    }

    /// Returns whether its events can be of a dialect. Only the live one is signed.
    pub fn takes(&self, dialect: Dialect) -> bool {
        dialect == Dialect::Live || !self.signature.enforces()
    }
}

/// Settings under `dead_letter`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterConfig {
    /// The topic.
    pub topic: String,
    /// What a rejected sender hears.
    pub answer: DeadLetterAnswer,
}

/// What the sender of a rejected event hears once its dead letter is durable.
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
    /// How long a durable event is remembered. Zero: duplicates are written again.
    pub window: Duration,
    /// How many are remembered at most; the oldest goes first.
    pub capacity: usize,
}
