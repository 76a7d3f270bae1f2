use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct RateLimiter {
    /// Lines per second.
    rate: Option<f64>,
    began: Instant,
    lines: u64,
}

impl RateLimiter {
    pub(super) fn new(rate: Option<f64>, now: Instant) -> Self {
        Self { rate, began: now, lines: 0 }
    }

    pub(super) fn wait(&mut self, now: Instant) -> Duration {
        let Some(rate) = self.rate else { return Duration::ZERO };
        let due = self.began + Duration::from_secs_f64(self.lines as f64 / rate);
        // A delay is not followed by a burst.
        if now > due + Duration::from_secs(1) {
            self.began = now;
            self.lines = 0;
        }
        due.saturating_duration_since(now)
    }

    pub(super) fn take(&mut self) {
        self.lines += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_due_at_the_given_rate() {
        let began = Instant::now();
        let mut limiter = RateLimiter::new(Some(10.0), began);
        assert_eq!(limiter.wait(began), Duration::ZERO);
        limiter.take();
        assert_eq!(limiter.wait(began), Duration::from_millis(100));
        assert_eq!(limiter.wait(began + Duration::from_millis(100)), Duration::ZERO);
        limiter.take();
        assert_eq!(limiter.wait(began + Duration::from_millis(100)), Duration::from_millis(100));
    }

    #[test]
    fn no_burst_follows_a_delay() {
        let began = Instant::now();
        let mut limiter = RateLimiter::new(Some(10.0), began);
        let later = began + Duration::from_secs(60);
        assert_eq!(limiter.wait(later), Duration::ZERO);
        limiter.take();
        assert_eq!(limiter.wait(later), Duration::from_millis(100));
    }

    #[test]
    fn without_a_rate_every_line_is_due_at_once() {
        let now = Instant::now();
        let mut limiter = RateLimiter::new(None, now);
        (0..1000).for_each(|_| limiter.take());
        assert_eq!(limiter.wait(now), Duration::ZERO);
    }
}
