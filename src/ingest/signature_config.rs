//! Settings of a source's signatures.

use crate::secret::Secret;
use std::path::PathBuf;
use std::time::Duration;

/// Settings under `sources.<name>.signature`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureConfig {
    /// Whether an event must be signed; `None`: it must if there is a secret.
    pub required: Option<bool>,
    /// What becomes of an event whose signature does not hold.
    pub mode: SignatureMode,
    /// JustCall's API secrets, each as valid as the others.
    pub secrets: Vec<Secret>,
    /// A file of more of them, one a line, read again when it changes.
    pub secrets_file: Option<PathBuf>,
    /// The URLs that may be signed; none: any.
    pub urls: Vec<String>,
    /// How far the signed time may be from the present.
    pub tolerance: Duration,
}

impl Default for SignatureConfig {
    /// Fifteen minutes of tolerance: longer than JustCall goes on retrying, perhaps with the old time.
    fn default() -> Self {
        Self {
            required: None,
            mode: SignatureMode::Enforce,
            secrets: Vec::new(),
            secrets_file: None,
            urls: Vec::new(),
            tolerance: Duration::from_secs(15 * 60),
        }
    }
}

/// What becomes of an event whose signature does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignatureMode {
    /// It is turned away.
    #[default]
    Enforce,
    /// It is counted and passes, for a first rollout.
    Monitor,
}

impl SignatureConfig {
    /// Whether a secret is named at all.
    pub fn has_secret(&self) -> bool {
        !self.secrets.is_empty() || self.secrets_file.is_some()
    }

    /// Whether an event must be signed.
    pub fn is_required(&self) -> bool {
        self.required.unwrap_or_else(|| self.has_secret())
    }

    /// Returns whether an event without a valid signature is turned away.
    pub fn enforces(&self) -> bool {
        self.is_required() && self.mode == SignatureMode::Enforce
    }
}
