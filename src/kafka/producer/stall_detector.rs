//! Detection of a librdkafka client that does not send although brokers answer.
//!
//! Observed after a broker was frozen for about its session timeout. Such a broker briefly reports an empty
//! list of brokers. librdkafka forgets its brokers, may fail to use the bootstrap servers again, and then sends
//! nothing until a restart. It cannot check itself whether brokers answer, so another client must do it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// Longest time that a record stays in librdkafka, which sends it with the timestamp of its first hand-over.
/// A later hand-over sets the present time.
const MAX_RECORD_AGE: Duration = Duration::from_secs(60 * 60);

/// Interval between marks, and so the error of a record's hand-over time.
const MARK_INTERVAL: Duration = Duration::from_secs(60);

/// Detector for one client. Watches the oldest record without a report.
///
/// Reports of other partitions do not count, because librdkafka may be stuck with one broker only.
pub(super) struct StallDetector {
    stall_timeout: Duration,
    /// Oldest record without a report at the last check.
    oldest: Option<u64>,
    /// Record numbers over time, oldest first. They give the hand-over time of a record without a clock read
    /// for each record.
    marks: VecDeque<Mark>,
    /// Time of the next broker check; `None` if no record is in flight, or the oldest one has changed.
    probe_at: Option<Instant>,
    /// Time since which brokers have answered every check.
    answering_since: Option<Instant>,
}

/// Number of the next record at a time.
struct Mark {
    at: Instant,
    next: u64,
}

impl StallDetector {
    /// Creates a detector. `stall_timeout` is the time without a report, while brokers answer, that counts as
    /// a stall.
    pub(super) fn new(stall_timeout: Duration) -> Self {
        Self { stall_timeout, oldest: None, marks: VecDeque::new(), probe_at: None, answering_since: None }
    }

    /// Compares the oldest record without a report with that of the last check; `next` is the number of the
    /// next record. Returns whether the caller must now check whether brokers answer.
    pub(super) fn is_probe_due(&mut self, now: Instant, oldest: Option<u64>, next: u64) -> bool {
        self.mark(now, next);
        if oldest.is_none() || oldest != self.oldest {
            (self.oldest, self.probe_at, self.answering_since) = (oldest, None, None);
            return false;
        }
        let probe_at = *self.probe_at.get_or_insert(now + self.stall_timeout / 3);
        if now < probe_at {
            return false;
        }
        self.probe_at = Some(now + self.stall_timeout / 6);
        true
    }

    /// Returns whether the oldest record is so old that Kafka may delete it because of its timestamp.
    pub(super) fn is_outdated(&self, now: Instant) -> bool {
        let handed_over = self.oldest.and_then(|oldest| self.handed_over(oldest));
        handed_over.is_some_and(|at| now.saturating_duration_since(at) >= MAX_RECORD_AGE)
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
        while self.marks.get(1).is_some_and(|mark| is_older(mark, MAX_RECORD_AGE)) {
            self.marks.pop_front();
        }
    }

    /// Records whether brokers answered. Returns whether the client is stalled.
    pub(super) fn is_stalled(&mut self, now: Instant, answered: bool) -> bool {
        if !answered {
            self.answering_since = None;
            return false;
        }
        let since = *self.answering_since.get_or_insert(now);
        now.saturating_duration_since(since) >= self.stall_timeout
    }
}
