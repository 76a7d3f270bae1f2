//! When a lane that failed is tried again. Pure: the clock and the jitter are arguments.

use std::time::Duration;
use tokio::time::Instant;

const MIN_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// Closed while records are acknowledged. A failure opens it; after a pause one record at a time is
/// let through, and the first acknowledgement closes it.
#[derive(Debug, Default)]
pub(super) struct CircuitBreaker {
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    /// When a record may be tried.
    retry_at: Instant,
    /// What the next pause is taken from.
    pause: Duration,
}

impl CircuitBreaker {
    /// Whether a record may be sent now. While open, each `true` is one try, and the next comes after
    /// a longer pause.
    pub(super) fn accepts(&mut self, now: Instant, jitter: f64) -> bool {
        match &mut self.open {
            None => true,
            Some(open) if now < open.retry_at => false,
            Some(open) => {
                open.postpone(now, jitter);
                true
            }
        }
    }

    /// A record failed, or is not acknowledged in time. Returns whether that opened it.
    pub(super) fn failed(&mut self, now: Instant, jitter: f64) -> bool {
        if self.open.is_some() {
            // Whatever failed was sent before; the pause runs on.
            return false;
        }
        let mut open = Open { retry_at: now, pause: MIN_BACKOFF };
        open.postpone(now, jitter);
        self.open = Some(open);
        true
    }

    /// A record was acknowledged. Returns whether that closed it.
    pub(super) fn acknowledged(&mut self) -> bool {
        self.open.take().is_some()
    }

    /// When a record may be tried next, if it is open.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.open.as_ref().map(|open| open.retry_at)
    }
}

impl Open {
    /// `jitter` from 0 to 1: the pause is half to all of what it may be.
    fn postpone(&mut self, now: Instant, jitter: f64) {
        self.retry_at = now + self.pause.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
        self.pause = (self.pause * 2).min(MAX_BACKOFF);
    }
}

#[cfg(test)]
mod tests;
