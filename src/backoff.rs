use std::time::Duration;

/// Waits between tries. Each is twice the one before, up to a limit.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) const fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, next: min }
    }

    pub(crate) fn next(&mut self) -> Duration {
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(self.max);
        wait
    }

    /// Returns half to all of the next wait, so that bridges which failed together do not retry together.
    /// `jitter` is from 0 to 1.
    pub(crate) fn next_jittered(&mut self, jitter: f64) -> Duration {
        self.next().mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
    }

    pub(crate) fn reset(&mut self) {
        self.next = self.min;
    }
}

/// Returns a number from 0 to 1.
pub(crate) fn jitter() -> f64 {
    fastrand::f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: Duration = Duration::from_millis(100);
    const MAX: Duration = Duration::from_millis(500);

    #[test]
    fn each_wait_is_twice_the_last_up_to_the_limit() {
        let mut backoff = Backoff::new(MIN, MAX);
        let waits: Vec<_> = (0..5).map(|_| backoff.next().as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 500, 500]);
    }

    #[test]
    fn reset_starts_again_with_the_shortest_wait() {
        let mut backoff = Backoff::new(MIN, MAX);
        backoff.next();
        backoff.reset();
        assert_eq!(backoff.next(), MIN);
    }

    #[test]
    fn jitter_takes_up_to_half_of_a_wait() {
        let wait = |jitter| Backoff::new(MIN, MAX).next_jittered(jitter);
        assert_eq!((wait(0.0), wait(1.0)), (MIN / 2, MIN));
        let middle = wait(0.5);
        assert!(middle > MIN / 2 && middle < MIN, "{middle:?}");
    }

    #[test]
    fn random_jitter_is_from_0_to_1() {
        assert!((0..1000).all(|_| (0.0..=1.0).contains(&jitter())));
    }
}
