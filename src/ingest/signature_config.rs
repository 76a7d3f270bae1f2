//! Settings of a source's signatures.

use crate::secret::Secret;
use std::path::PathBuf;
use std::time::Duration;

/// Settings under `sources.<name>.signature`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureConfig {
    /// `None`: true if a secret is set.
    pub required: Option<bool>,
    pub mode: SignatureMode,
    /// Each is as valid as the others.
    pub secrets: Vec<Secret>,
    /// One secret a line, read again when it changes.
    pub secrets_file: Option<PathBuf>,
    /// URLs that may be signed. Empty: any.
    pub urls: Vec<String>,
    /// Largest difference between the signed time and the present.
    pub tolerance: Duration,
}

impl Default for SignatureConfig {
    /// JustCall retries for less than fifteen minutes, perhaps with the old time.
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignatureMode {
    #[default]
    Enforce,
    /// Counted and accepted. Meant for a first rollout.
    Monitor,
}

impl SignatureConfig {
    pub fn has_secret(&self) -> bool {
        !self.secrets.is_empty() || self.secrets_file.is_some()
    }

    pub fn is_required(&self) -> bool {
        self.required.unwrap_or_else(|| self.has_secret())
    }

    pub fn enforces(&self) -> bool {
        self.is_required() && self.mode == SignatureMode::Enforce
    }
}
