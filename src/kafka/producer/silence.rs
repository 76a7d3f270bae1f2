//! Whether the client library sits on records that brokers would take.
//!
//! It was seen to after a broker had been frozen for about as long as its session lasts. Such a broker
//! tells for a moment that there are no brokers at all; the library forgets those that it knows and can
//! fail to begin again with the bootstrap servers. Then it sends nothing until the process is started anew,
//! and cannot be asked whether brokers answer either: another client must be.

use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// Watches for records that are out while brokers answer and nothing is reported.
pub(super) struct Silence {
    patience: Duration,
    /// How many reports there had been at the last look.
    reports: u64,
    /// When the brokers are asked next; `None` while nothing is out, or something was just reported.
    ask_at: Option<Instant>,
    /// Since then they have answered each time.
    answering_since: Option<Instant>,
}

impl Silence {
    /// For so long the brokers must have answered, and nothing been reported.
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, reports: 0, ask_at: None, answering_since: None }
    }

    /// Takes in how many records are `out` and how many were reported in all. Returns whether the
    /// brokers are to be asked now if they answer at all.
    pub(super) fn asks(&mut self, now: Instant, out: usize, reports: u64) -> bool {
        if out == 0 || reports != self.reports {
            (self.reports, self.ask_at, self.answering_since) = (reports, None, None);
            return false;
        }
        let ask_at = *self.ask_at.get_or_insert(now + self.patience / 3);
        if now < ask_at {
            return false;
        }
        self.ask_at = Some(now + self.patience / 6);
        true
    }

    /// Takes in whether they did. Returns whether the silence is the library's own.
    pub(super) fn is_the_librarys(&mut self, now: Instant, answered: bool) -> bool {
        if !answered {
            self.answering_since = None;
            return false;
        }
        let since = *self.answering_since.get_or_insert(now);
        now.saturating_duration_since(since) >= self.patience
    }
}
