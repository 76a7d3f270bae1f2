//! So many log lines, and not more.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

#[cfg(test)]
mod tests;

/// Lets lines through: a burst at once, and so many a second after it. What it holds back it counts.
#[derive(Debug)]
pub struct Allowance {
    burst: f64,
    per_second: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    lines: f64,
    filled_at: Option<Instant>,
    left_out: u64,
}

impl Allowance {
    /// Begins with the whole burst.
    pub fn new(burst: u32, per_second: u32) -> Self {
        let (burst, per_second) = (f64::from(burst), f64::from(per_second));
        let state = State { lines: burst, filled_at: None, left_out: 0 };
        Self { burst, per_second, state: Mutex::new(state) }
    }

    /// Asks for a line at `now`. Returns how many were held back since the last one, or `None` if this
    /// one is too.
    pub fn take(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let since = state.filled_at.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        state.lines = (state.lines + since * self.per_second).min(self.burst);
        state.filled_at = Some(now);
        if state.lines < 1.0 {
            state.left_out += 1;
            return None;
        }
        state.lines -= 1.0;
        Some(std::mem::take(&mut state.left_out))
    }
}
