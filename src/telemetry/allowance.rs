//! So many a second, and not more: log lines, or rejected events into the spool.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

#[cfg(test)]
mod tests;

/// A token bucket: lets a burst through at once, and so many a second after it. What it holds back it
/// counts.
#[derive(Debug)]
pub struct Allowance {
    burst: f64,
    per_second: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    left: f64,
    filled_at: Option<Instant>,
    left_out: u64,
}

impl Allowance {
    /// Begins with the whole burst.
    pub fn new(burst: u32, per_second: u32) -> Self {
        let (burst, per_second) = (f64::from(burst), f64::from(per_second));
        let state = State { left: burst, filled_at: None, left_out: 0 };
        Self { burst, per_second, state: Mutex::new(state) }
    }

    /// Asks for one at `now`. Returns how many were held back since the last one, or `None` if this
    /// one is too.
    pub fn take(&self, now: Instant) -> Option<u64> {
        self.take_many(now, 1)
    }

    /// As [`Allowance::take`], for something that costs `cost` tokens. More than the burst costs the burst.
    pub fn take_many(&self, now: Instant, cost: u32) -> Option<u64> {
        let cost = f64::from(cost).min(self.burst);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let since = state.filled_at.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        state.left = (state.left + since * self.per_second).min(self.burst);
        state.filled_at = Some(now);
        if state.left < cost {
            state.left_out += 1;
            return None;
        }
        state.left -= cost;
        Some(std::mem::take(&mut state.left_out))
    }
}
