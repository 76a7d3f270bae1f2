//! What rejected events may take of the spool: so many bytes, and so many a second.

use crate::telemetry::Allowance;
use tokio::time::Instant;

/// Settings `dead_letter.max_spool_bytes` and `dead_letter.max_spool_rate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaConfig {
    /// Bytes of dead letters in the spool at most.
    pub max_bytes: u64,
    /// Dead letters that are put into the spool each second at most.
    pub max_rate: u32,
}

/// What rejected events have of the spool left.
pub(super) struct Quota {
    max_bytes: u64,
    rate: Allowance,
}

impl Quota {
    pub(super) fn new(config: QuotaConfig) -> Self {
        // The rate of one second may come at once.
        Self { max_bytes: config.max_bytes, rate: Allowance::new(config.max_rate, config.max_rate) }
    }

    pub(super) fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// Whether one more is let in now.
    pub(super) fn take(&self, now: Instant) -> bool {
        self.rate.take(now.into_std()).is_some()
    }
}

#[cfg(test)]
mod tests;
