//! Detection of a librdkafka client that does not send although brokers answer.
//!
//! A broker frozen for about its session timeout briefly reports no brokers. librdkafka then forgets all, may
//! not return to the bootstrap servers, and sends nothing until a restart. Only another client notices it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// librdkafka sends a record with the timestamp of its first hand-over.
const MAX_RECORD_AGE: Duration = Duration::from_secs(60 * 60);

/// Also the largest error of a hand-over time.
const MARK_INTERVAL: Duration = Duration::from_secs(60);

/// Watches one client's oldest record without a report. Others do not count: librdkafka may be stuck with one
/// broker only.
pub(super) struct StallDetector {
    stall_timeout: Duration,
    oldest: Option<u64>,
    /// Oldest first. They give hand-over times without a clock read for each record.
    marks: VecDeque<Mark>,
    /// `None` if no record is in flight, or the oldest one has changed.
    probe_at: Option<Instant>,
    /// Brokers have answered every check since.
    answering_since: Option<Instant>,
}

struct Mark {
    at: Instant,
    next: u64,
}

impl StallDetector {
    /// `stall_timeout`: time without a report, while brokers answer.
    pub(super) fn new(stall_timeout: Duration) -> Self {
        Self { stall_timeout, oldest: None, marks: VecDeque::new(), probe_at: None, answering_since: None }
    }

    /// `next` is the number of the next record. If `true`, the caller must check whether brokers answer.
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

    /// Returns whether Kafka may delete the oldest record because of its timestamp.
    pub(super) fn is_outdated(&self, now: Instant) -> bool {
        let handed_over = self.oldest.and_then(|oldest| self.handed_over(oldest));
        handed_over.is_some_and(|at| now.saturating_duration_since(at) >= MAX_RECORD_AGE)
    }

    /// Returns the time of the last mark before a hand-over.
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

    pub(super) fn is_stalled(&mut self, now: Instant, answered: bool) -> bool {
        if !answered {
            self.answering_since = None;
            return false;
        }
        let since = *self.answering_since.get_or_insert(now);
        now.saturating_duration_since(since) >= self.stall_timeout
    }
}
