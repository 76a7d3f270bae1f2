//! Circuit breaker of a lane. Pure: time and jitter are arguments.

use crate::backoff::Backoff;
use std::time::Duration;
use tokio::time::Instant;

const MIN_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// Closed while records are acknowledged. A failure opens it. After a backoff, one record at a time is a
/// probe, and the first acknowledgement closes it.
#[derive(Debug, Default)]
pub(super) struct CircuitBreaker {
    open: Option<OpenCircuit>,
}

#[derive(Debug)]
struct OpenCircuit {
    /// Time of the next probe.
    retry_at: Instant,
    backoff: Backoff,
}

impl CircuitBreaker {
    /// Returns whether to send a record now. While open, each `true` is a probe and increases the backoff.
    pub(super) fn accepts(&mut self, now: Instant, jitter: f64) -> bool {
        match &mut self.open {
            None => true,
            Some(open) if now < open.retry_at => false,
            Some(open) => {
                open.schedule_probe(now, jitter);
                true
            }
        }
    }

    /// Handles a failed or late record. Returns whether that opened the circuit.
    pub(super) fn failed(&mut self, now: Instant, jitter: f64) -> bool {
        if self.open.is_some() {
            // Sent before the circuit opened, so the backoff continues.
            return false;
        }
        let mut open = OpenCircuit { retry_at: now, backoff: Backoff::new(MIN_BACKOFF, MAX_BACKOFF) };
        open.schedule_probe(now, jitter);
        self.open = Some(open);
        true
    }

    /// Returns whether the acknowledgement closed the circuit.
    pub(super) fn acknowledged(&mut self) -> bool {
        self.open.take().is_some()
    }

    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.open.as_ref().map(|open| open.retry_at)
    }
}

impl OpenCircuit {
    /// Sets the next probe after half to all of the backoff. `jitter` is from 0 to 1.
    fn schedule_probe(&mut self, now: Instant, jitter: f64) {
        self.retry_at = now + self.backoff.next_jittered(jitter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_failure_opens_and_an_acknowledgement_closes() {
        let (mut breaker, now) = (CircuitBreaker::default(), Instant::now());
        assert!(breaker.accepts(now, 0.0));
        assert!(breaker.failed(now, 0.0));
        assert!(!breaker.failed(now, 0.0), "opened twice");
        assert!(!breaker.accepts(now, 0.0));
        assert!(breaker.acknowledged());
        assert!(!breaker.acknowledged(), "closed twice");
        assert!(breaker.accepts(now, 0.0));
    }

    #[test]
    fn one_try_for_each_pause_and_each_pause_is_longer_up_to_a_limit() {
        let (mut breaker, mut now) = (CircuitBreaker::default(), Instant::now());
        breaker.failed(now, 1.0);
        let mut pauses = Vec::new();
        for _ in 0..10 {
            let retry_at = breaker.retry_at().expect("open");
            pauses.push((retry_at - now).as_millis());
            now = retry_at;
            assert!(breaker.accepts(now, 1.0));
            assert!(!breaker.accepts(now, 1.0), "two tries in one pause");
        }
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000]);
    }

    #[test]
    fn jitter_shortens_a_pause_to_half_at_most() {
        let (mut breaker, now) = (CircuitBreaker::default(), Instant::now());
        breaker.failed(now, 0.0);
        assert_eq!(breaker.retry_at().expect("open") - now, Duration::from_millis(50));
    }

    #[test]
    fn late_failures_of_earlier_records_do_not_put_off_the_next_try() {
        let (mut breaker, now) = (CircuitBreaker::default(), Instant::now());
        breaker.failed(now, 1.0);
        let retry_at = breaker.retry_at();
        breaker.failed(now + Duration::from_millis(90), 1.0);
        assert_eq!(breaker.retry_at(), retry_at);
    }
}
