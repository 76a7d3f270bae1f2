//! Settings of a source's signatures.

use crate::secret::Secret;
use std::path::PathBuf;
use std::time::Duration;

/// Settings under `sources.<name>.signature`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureConfig {
    /// True if an event must be signed. `None`: it must if a secret is set.
    pub required: Option<bool>,
    /// Treatment of an event with an invalid signature.
    pub mode: SignatureMode,
    /// JustCall's API secrets, each as valid as the others.
    pub secrets: Vec<Secret>,
    /// A file of more of them, one a line, read again when it changes.
    pub secrets_file: Option<PathBuf>,
    /// The URLs that may be signed; none: any.
    pub urls: Vec<String>,
    /// Largest difference between the signed time and the present.
    pub tolerance: Duration,
}

impl Default for SignatureConfig {
    /// Tolerance of fifteen minutes. JustCall retries for less, perhaps with the old time.
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

/// Treatment of an event with an invalid signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignatureMode {
    /// It is denied.
    #[default]
    Enforce,
    /// It is counted and accepted. Meant for a first rollout.
    Monitor,
}

impl SignatureConfig {
    pub fn has_secret(&self) -> bool {
        !self.secrets.is_empty() || self.secrets_file.is_some()
    }

    /// Returns whether an event must be signed.
    pub fn is_required(&self) -> bool {
        self.required.unwrap_or_else(|| self.has_secret())
    }

    /// Returns whether an event without a valid signature is denied.
    pub fn enforces(&self) -> bool {
        self.is_required() && self.mode == SignatureMode::Enforce
    }
}
