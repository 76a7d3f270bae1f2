//! What stands in topics between a place and their end.

use super::reader::{Isolation, Place, Polled, Reader, Start, TIMEOUT, TailedRecord};
use crate::kafka::{Config, Error};
use rdkafka::Offset;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// What came of waiting for a record of a [`Stretch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The next record.
    Record(TailedRecord),
    /// None yet.
    Waiting,
    /// There are no more.
    End,
}

/// Reads topics up to where they ended when it began, one topic after the other in alphabetical order.
pub struct Stretch {
    reader: Reader,
    /// Topics that are yet to be read.
    ahead: VecDeque<Vec<Span>>,
    /// Partitions of the topic in hand that are not read to their end, with where they end.
    open: BTreeMap<i32, i64>,
    topics: usize,
}

/// What there is to read of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    topic: String,
    partition: i32,
    first: i64,
    end: i64,
}

impl Stretch {
    /// Reads the topics whose names are wanted.
    ///
    /// # Errors
    /// When the cluster does not answer within ten seconds.
    pub fn read(config: &Config, wanted: impl Fn(&str) -> bool, start: Start) -> Result<Self, Error> {
        let reader = Reader::connect(config, Isolation::Committed)?;
        let found = reader.partitions(wanted, TIMEOUT)?;
        let ends = reader.places(&found, Start::Now)?;
        let firsts = reader.places(&found, start)?;
        Ok(Self::between(reader, &firsts, &ends))
    }

    /// Reads one partition from an offset on.
    ///
    /// # Errors
    /// When the cluster does not answer within ten seconds.
    pub fn partition(config: &Config, topic: &str, partition: i32, offset: i64) -> Result<Self, Error> {
        let reader = Reader::connect(config, Isolation::Committed)?;
        let mut found = reader.partitions(|name| name == topic, TIMEOUT)?;
        found.retain(|(_, each)| *each == partition);
        let ends = reader.places(&found, Start::Now)?;
        let mut firsts = reader.places(&found, Start::Beginning)?;
        for place in &mut firsts {
            let oldest = place.offset.to_raw().unwrap_or_default();
            place.offset = Offset::Offset(oldest.max(offset));
        }
        Ok(Self::between(reader, &firsts, &ends))
    }

    fn between(reader: Reader, firsts: &[Place], ends: &[Place]) -> Self {
        let spans = spans(firsts, ends);
        let topics: BTreeSet<_> = ends.iter().map(|place| place.topic.as_str()).collect();
        let topics = topics.len();
        let ahead = spans.into_values().collect();
        Self { reader, ahead, open: BTreeMap::new(), topics }
    }

    /// How many topics were found, those without a record included.
    pub fn topics(&self) -> usize {
        self.topics
    }

    /// The next record, if one comes within `timeout`.
    ///
    /// # Errors
    /// When a topic may not be read. Brokers that are away are waited for.
    pub fn next(&mut self, timeout: Duration) -> Result<Step, Error> {
        if self.open.is_empty() && !self.turn()? {
            return Ok(Step::End);
        }
        match self.reader.poll(timeout)? {
            Polled::Nothing => Ok(Step::Waiting),
            Polled::End(partition) => {
                self.open.remove(&partition);
                Ok(Step::Waiting)
            }
            Polled::Record(record) => Ok(self.within(record)),
        }
    }

    /// Goes on to the next topic. Returns whether there is one.
    fn turn(&mut self) -> Result<bool, Error> {
        let Some(spans) = self.ahead.pop_front() else { return Ok(false) };
        let place = |span: &Span| Place {
            topic: span.topic.clone(),
            partition: span.partition,
            offset: Offset::Offset(span.first),
        };
        self.reader.assign(&spans.iter().map(place).collect::<Vec<_>>())?;
        self.open = spans.into_iter().map(|span| (span.partition, span.end)).collect();
        Ok(true)
    }

    /// A record counts if it stands before the end of its partition.
    fn within(&mut self, record: TailedRecord) -> Step {
        let Some(end) = self.open.get(&record.partition).copied() else { return Step::Waiting };
        if record.offset + 1 >= end {
            self.open.remove(&record.partition);
        }
        if record.offset < end { Step::Record(record) } else { Step::Waiting }
    }
}

/// Whether an open transaction hides records of a topic from those who read what is committed.
///
/// # Errors
/// When the cluster does not answer within ten seconds.
pub(in crate::kafka) fn is_hidden_from(config: &Config, topic: &str) -> Result<bool, Error> {
    // In this order: what is written in between may only make the second greater.
    let ends = |isolation| {
        let reader = Reader::connect(config, isolation)?;
        let found = reader.partitions(|name| name == topic, TIMEOUT)?;
        let places = reader.places(&found, Start::Now)?;
        Ok::<_, Error>(places.into_iter().map(|place| (place.partition, place.offset.to_raw())))
    };
    let all: BTreeMap<_, _> = ends(Isolation::Uncommitted)?.collect();
    let committed: BTreeMap<_, _> = ends(Isolation::Committed)?.collect();
    Ok(all.iter().any(|(partition, end)| committed.get(partition).is_none_or(|readable| readable < end)))
}

/// What there is to read, by topic.
fn spans(firsts: &[Place], ends: &[Place]) -> BTreeMap<String, Vec<Span>> {
    let offset = |place: &Place| place.offset.to_raw().filter(|offset| *offset >= 0);
    let mut spans: BTreeMap<String, Vec<Span>> = BTreeMap::new();
    for last in ends {
        let first =
            firsts.iter().find(|first| first.topic == last.topic && first.partition == last.partition);
        // There is no first where nothing is as young as the time that was asked for.
        let (Some(first), Some(end)) = (first.and_then(offset), offset(last)) else { continue };
        if first < end {
            let (topic, partition) = (last.topic.clone(), last.partition);
            spans.entry(topic.clone()).or_default().push(Span { topic, partition, first, end });
        }
    }
    spans
}

#[cfg(test)]
mod tests;
