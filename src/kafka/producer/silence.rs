//! Whether the client library sits on records that brokers would take.
//!
//! It was seen to after a broker had been frozen for about as long as its session lasts. Such a broker
//! tells for a moment that there are no brokers at all; the library forgets those that it knows and can
//! fail to begin again with the bootstrap servers. Then it sends nothing until the process is started anew,
//! and cannot be asked whether brokers answer either: another client must be.

use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// Longest time for which a record is left to librdkafka, which sends it with the time of its hand-over. A
/// later hand-over gives it the present time.
const MAX_TIME_OUT: Duration = Duration::from_secs(60 * 60);

/// Watches the oldest record without a report while brokers answer.
///
/// Reports of other partitions do not count: librdkafka may be stuck with one broker only.
pub(super) struct Silence {
    patience: Duration,
    /// The oldest record without a report at the last look.
    oldest: Option<u64>,
    /// Time of the look that first saw it.
    out_since: Option<Instant>,
    /// When the brokers are asked next; `None` while nothing is out, or the oldest was just reported.
    ask_at: Option<Instant>,
    /// Since then they have answered each time.
    answering_since: Option<Instant>,
}

impl Silence {
    /// Starts to watch. The brokers must have answered for `patience` while the oldest record stayed out.
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, oldest: None, out_since: None, ask_at: None, answering_since: None }
    }

    /// Compares the oldest record without a report with that of the last look. Returns whether the brokers
    /// are to be asked now if they answer.
    pub(super) fn asks(&mut self, now: Instant, oldest: Option<u64>) -> bool {
        if oldest.is_none() || oldest != self.oldest {
            (self.oldest, self.ask_at, self.answering_since) = (oldest, None, None);
            self.out_since = oldest.map(|_| now);
            return false;
        }
        let ask_at = *self.ask_at.get_or_insert(now + self.patience / 3);
        if now < ask_at {
            return false;
        }
        self.ask_at = Some(now + self.patience / 6);
        true
    }

    /// Returns whether the oldest record has been out for so long that Kafka might delete it for its time.
    pub(super) fn is_outdated(&self, now: Instant) -> bool {
        self.out_since.is_some_and(|since| now.saturating_duration_since(since) >= MAX_TIME_OUT)
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
