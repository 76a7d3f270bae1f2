use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// Accepts a burst at once, then one token for each interval.
#[derive(Debug)]
pub(crate) struct TokenBucket {
    burst: u32,
    /// Time in which one token is added.
    interval: Duration,
    /// Time at which the bucket is full again. `None` until the first token is taken.
    full_at: Mutex<Option<Instant>>,
}

impl TokenBucket {
    pub(crate) fn new(burst: u32, per_second: u32) -> Self {
        Self::with_interval(burst, Duration::from_secs(1) / per_second.max(1))
    }

    pub(crate) fn with_interval(burst: u32, interval: Duration) -> Self {
        Self { burst, interval, full_at: Mutex::new(None) }
    }

    /// Returns whether `cost` tokens were there. A cost above the burst counts as the burst.
    pub(crate) fn take(&self, now: Instant, cost: u32) -> bool {
        let mut full_at = self.full_at.lock();
        let refilled_at = full_at.map_or(now, |at| at.max(now)) + self.interval * cost.min(self.burst);
        let is_accepted = refilled_at.duration_since(now) <= self.interval * self.burst;
        if is_accepted {
            *full_at = Some(refilled_at);
        }
        is_accepted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burst_is_accepted_and_then_the_rate() {
        let bucket = TokenBucket::new(3, 2);
        let start = Instant::now();
        let at = |millis| bucket.take(start + Duration::from_millis(millis), 1);
        assert_eq!([at(0), at(0), at(0)], [true; 3]);
        assert_eq!([at(0), at(100), at(400)], [false; 3]);
        assert!(at(500));
        assert!(!at(900));
        assert!(at(1000));
    }

    #[test]
    fn bucket_holds_one_burst_at_most() {
        let bucket = TokenBucket::new(2, 10);
        let start = Instant::now();
        let hour = start + Duration::from_secs(3600);
        assert!(bucket.take(start, 1));
        assert_eq!([bucket.take(hour, 1), bucket.take(hour, 1), bucket.take(hour, 1)], [true, true, false]);
    }
}
