//! Whether the client library sits on records that brokers would take.
//!
//! It was seen to after a broker had been frozen for about as long as its session lasts. Such a broker
//! tells for a moment that there are no brokers at all; the library forgets those that it knows and can
//! fail to begin again with the bootstrap servers. Then it sends nothing until the process is started anew,
//! and cannot be asked whether brokers answer either: another client must be.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// Longest time for which a record is left to librdkafka, which sends it with the time of its hand-over. A
/// later hand-over gives it the present time.
const MAX_TIME_OUT: Duration = Duration::from_secs(60 * 60);

/// Time between two marks, and so the error of a record's hand-over time.
const MARK_INTERVAL: Duration = Duration::from_secs(60);

/// Watches the oldest record without a report while brokers answer.
///
/// Reports of other partitions do not count: librdkafka may be stuck with one broker only.
pub(super) struct Silence {
    patience: Duration,
    /// The oldest record without a report at the last look.
    oldest: Option<u64>,
    /// Looks at the number of records handed over, the oldest first. From these comes the hand-over time of
    /// a record: to store it with each record would cost the hot path a clock.
    marks: VecDeque<Mark>,
    /// When the brokers are asked next; `None` while nothing is out, or the oldest was just reported.
    ask_at: Option<Instant>,
    /// Since then they have answered each time.
    answering_since: Option<Instant>,
}

/// Number of the next record at a time.
struct Mark {
    at: Instant,
    next: u64,
}

impl Silence {
    /// Starts to watch. The brokers must have answered for `patience` while the oldest record stayed out.
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, oldest: None, marks: VecDeque::new(), ask_at: None, answering_since: None }
    }

    /// Compares the oldest record without a report with that of the last look; `next` is the number of the
    /// next record. Returns whether the brokers are to be asked now if they answer.
    pub(super) fn asks(&mut self, now: Instant, oldest: Option<u64>, next: u64) -> bool {
        self.mark(now, next);
        if oldest.is_none() || oldest != self.oldest {
            (self.oldest, self.ask_at, self.answering_since) = (oldest, None, None);
            return false;
        }
        let ask_at = *self.ask_at.get_or_insert(now + self.patience / 3);
        if now < ask_at {
            return false;
        }
        self.ask_at = Some(now + self.patience / 6);
        true
    }

    /// Returns whether the oldest record was handed over so long ago that Kafka might delete it for its time.
    pub(super) fn is_outdated(&self, now: Instant) -> bool {
        let handed_over = self.oldest.and_then(|oldest| self.handed_over(oldest));
        handed_over.is_some_and(|at| now.saturating_duration_since(at) >= MAX_TIME_OUT)
    }

    /// Returns the time of the last mark before a record's hand-over.
    fn handed_over(&self, record: u64) -> Option<Instant> {
        let before = self.marks.iter().rev().find(|mark| mark.next <= record);
        before.or(self.marks.front()).map(|mark| mark.at)
    }

    fn mark(&mut self, now: Instant, next: u64) {
        let is_older = |mark: &Mark, age| now.saturating_duration_since(mark.at) >= age;
        if self.marks.back().is_none_or(|mark| is_older(mark, MARK_INTERVAL)) {
            self.marks.push_back(Mark { at: now, next });
        }
        // One mark of that age is enough: all records before it are outdated.
        while self.marks.get(1).is_some_and(|mark| is_older(mark, MAX_TIME_OUT)) {
            self.marks.pop_front();
        }
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
