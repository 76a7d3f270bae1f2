//! Limits on dead letters: bytes in the spool, and a rate whether or not Kafka is available.

use crate::rate_limit::TokenBucket;
use tokio::time::Instant;

/// Settings `dead_letter.max_spool_bytes` and `dead_letter.max_spool_rate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeadLetterQuotaConfig {
    pub max_bytes: u64,
    /// Number for each second. A large one counts once for each [`BYTES_PER_TOKEN`].
    pub max_rate: u32,
}

const BYTES_PER_TOKEN: usize = 64 * 1024;

pub(super) struct DeadLetterQuota {
    max_bytes: u64,
    rate: TokenBucket,
}

impl DeadLetterQuota {
    pub(super) fn new(config: DeadLetterQuotaConfig) -> Self {
        // The rate of one second may arrive at once.
        Self { max_bytes: config.max_bytes, rate: TokenBucket::new(config.max_rate, config.max_rate) }
    }

    pub(super) fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    pub(super) fn take(&self, now: Instant, bytes: usize) -> bool {
        let cost = u32::try_from(bytes.div_ceil(BYTES_PER_TOKEN)).unwrap_or(u32::MAX).max(1);
        self.rate.take(now.into_std(), cost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn second_of_tokens_and_no_more_is_there_after_any_pause() {
        let now = Instant::now();
        let quota = DeadLetterQuota::new(DeadLetterQuotaConfig { max_bytes: 1, max_rate: 3 });
        let taken = |at| (0..10).filter(|_| quota.take(at, 1)).count();
        assert_eq!(taken(now), 3);
        assert_eq!(taken(now + Duration::from_millis(400)), 1);
        assert_eq!(taken(now + Duration::from_secs(60)), 3, "tokens are not saved up");
    }

    #[test]
    fn large_dead_letters_cost_more_and_none_is_too_large_for_the_rate() {
        let now = Instant::now();
        let quota = DeadLetterQuota::new(DeadLetterQuotaConfig { max_bytes: 1, max_rate: 32 });
        let taken = |bytes| (0..100).filter(|_| quota.take(now, bytes)).count();
        assert_eq!(taken(1024 * 1024), 2);
        let quota = DeadLetterQuota::new(DeadLetterQuotaConfig { max_bytes: 1, max_rate: 1 });
        assert!(quota.take(now, 1024 * 1024));
    }
}
