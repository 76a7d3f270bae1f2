//! What rejected events may take of the spool: so many bytes, and so many a second.

use std::sync::{Mutex, PoisonError};
use tokio::time::Instant;

/// Settings `dead_letter.max_spool_bytes` and `dead_letter.max_spool_rate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaConfig {
    /// Bytes of dead letters in the spool at most.
    pub max_bytes: u64,
    /// Dead letters that are put into the spool each second at most.
    pub max_rate: u32,
}

/// A token bucket that holds the tokens of one second.
pub(super) struct Quota {
    config: QuotaConfig,
    bucket: Mutex<Bucket>,
}

struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

impl Quota {
    pub(super) fn new(config: QuotaConfig, now: Instant) -> Self {
        let tokens = f64::from(config.max_rate);
        Self { config, bucket: Mutex::new(Bucket { tokens, filled_at: now }) }
    }

    pub(super) fn max_bytes(&self) -> u64 {
        self.config.max_bytes
    }

    /// Takes a token, if there is one.
    pub(super) fn take(&self, now: Instant) -> bool {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let rate = f64::from(self.config.max_rate);
        let since = now.saturating_duration_since(bucket.filled_at);
        bucket.tokens = (bucket.tokens + since.as_secs_f64() * rate).min(rate);
        bucket.filled_at = now;
        let taken = bucket.tokens >= 1.0;
        if taken {
            bucket.tokens -= 1.0;
        }
        taken
    }
}

#[cfg(test)]
mod tests;
