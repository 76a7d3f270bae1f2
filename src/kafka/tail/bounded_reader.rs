//! What stands in topics between a place and their end.

use super::consumer::{
    Isolation, PartitionOffset, PollResult, StartPosition, TIMEOUT, TailedRecord, TopicConsumer,
};
use crate::kafka::{Config, Error};
use rdkafka::Offset;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// What came of waiting for a record of a [`BoundedReader`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadStep {
    /// The next record.
    Record(TailedRecord),
    /// None yet.
    Waiting,
    /// There are no more.
    End,
}

/// Reads topics up to where they ended when it began, one topic after the other in alphabetical order.
pub struct BoundedReader {
    consumer: TopicConsumer,
    /// TopicProvisioner that are yet to be read.
    ahead: VecDeque<Vec<UnreadRange>>,
    /// Partitions of the topic in hand that are not read to their end, with where they end.
    open: BTreeMap<i32, i64>,
    topics: usize,
}

/// What there is to read of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
struct UnreadRange {
    topic: String,
    partition: i32,
    first: i64,
    end: i64,
}

impl BoundedReader {
    /// Reads the topics whose names are wanted.
    ///
    /// # Errors
    /// When the cluster does not answer within ten seconds.
    pub fn read(config: &Config, wanted: impl Fn(&str) -> bool, start: StartPosition) -> Result<Self, Error> {
        let consumer = TopicConsumer::connect(config, Isolation::Committed)?;
        let found = consumer.partitions(wanted, TIMEOUT)?;
        let ends = consumer.offsets_at(&found, StartPosition::Now)?;
        let firsts = consumer.offsets_at(&found, start)?;
        Ok(Self::between(consumer, &firsts, &ends))
    }

    /// Reads one partition from an offset on.
    ///
    /// # Errors
    /// When the cluster does not answer within ten seconds.
    pub fn partition(config: &Config, topic: &str, partition: i32, offset: i64) -> Result<Self, Error> {
        let consumer = TopicConsumer::connect(config, Isolation::Committed)?;
        let mut found = consumer.partitions(|name| name == topic, TIMEOUT)?;
        found.retain(|(_, each)| *each == partition);
        let ends = consumer.offsets_at(&found, StartPosition::Now)?;
        let mut firsts = consumer.offsets_at(&found, StartPosition::Beginning)?;
        for place in &mut firsts {
            let oldest = place.offset.to_raw().unwrap_or_default();
            place.offset = Offset::Offset(oldest.max(offset));
        }
        Ok(Self::between(consumer, &firsts, &ends))
    }

    fn between(consumer: TopicConsumer, firsts: &[PartitionOffset], ends: &[PartitionOffset]) -> Self {
        let unread_ranges = unread_ranges(firsts, ends);
        let topics: BTreeSet<_> = ends.iter().map(|place| place.topic.as_str()).collect();
        let topics = topics.len();
        let ahead = unread_ranges.into_values().collect();
        Self { consumer, ahead, open: BTreeMap::new(), topics }
    }

    /// How many topics were found, those without a record included.
    pub fn topics(&self) -> usize {
        self.topics
    }

    /// The next record, if one comes within `timeout`.
    ///
    /// # Errors
    /// When a topic may not be read. Brokers that are away are waited for.
    pub fn next(&mut self, timeout: Duration) -> Result<ReadStep, Error> {
        if self.open.is_empty() && !self.turn()? {
            return Ok(ReadStep::End);
        }
        match self.consumer.poll(timeout)? {
            PollResult::Nothing => Ok(ReadStep::Waiting),
            PollResult::End(partition) => {
                self.open.remove(&partition);
                Ok(ReadStep::Waiting)
            }
            PollResult::Record(record) => Ok(self.within(record)),
        }
    }

    /// Goes on to the next topic. Returns whether there is one.
    fn turn(&mut self) -> Result<bool, Error> {
        let Some(unread_ranges) = self.ahead.pop_front() else { return Ok(false) };
        let place = |span: &UnreadRange| PartitionOffset {
            topic: span.topic.clone(),
            partition: span.partition,
            offset: Offset::Offset(span.first),
        };
        self.consumer.assign(&unread_ranges.iter().map(place).collect::<Vec<_>>())?;
        self.open = unread_ranges.into_iter().map(|span| (span.partition, span.end)).collect();
        Ok(true)
    }

    /// A record counts if it stands before the end of its partition.
    fn within(&mut self, record: TailedRecord) -> ReadStep {
        let Some(end) = self.open.get(&record.partition).copied() else { return ReadStep::Waiting };
        if record.offset + 1 >= end {
            self.open.remove(&record.partition);
        }
        if record.offset < end { ReadStep::Record(record) } else { ReadStep::Waiting }
    }
}

/// Whether an open transaction hides records of a topic from those who read what is committed.
///
/// # Errors
/// When the cluster does not answer within ten seconds.
pub(in crate::kafka) fn is_hidden_from(config: &Config, topic: &str) -> Result<bool, Error> {
    // In this order: what is written in between may only make the second greater.
    let ends = |isolation| {
        let consumer = TopicConsumer::connect(config, isolation)?;
        let found = consumer.partitions(|name| name == topic, TIMEOUT)?;
        let offsets_at = consumer.offsets_at(&found, StartPosition::Now)?;
        Ok::<_, Error>(offsets_at.into_iter().map(|place| (place.partition, place.offset.to_raw())))
    };
    let all: BTreeMap<_, _> = ends(Isolation::Uncommitted)?.collect();
    let committed: BTreeMap<_, _> = ends(Isolation::Committed)?.collect();
    Ok(all.iter().any(|(partition, end)| committed.get(partition).is_none_or(|readable| readable < end)))
}

/// What there is to read, by topic.
fn unread_ranges(firsts: &[PartitionOffset], ends: &[PartitionOffset]) -> BTreeMap<String, Vec<UnreadRange>> {
    let offset = |place: &PartitionOffset| place.offset.to_raw().filter(|offset| *offset >= 0);
    let mut unread_ranges: BTreeMap<String, Vec<UnreadRange>> = BTreeMap::new();
    for last in ends {
        let first =
            firsts.iter().find(|first| first.topic == last.topic && first.partition == last.partition);
        // There is no first where nothing is as young as the time that was asked for.
        let (Some(first), Some(end)) = (first.and_then(offset), offset(last)) else { continue };
        if first < end {
            let (topic, partition) = (last.topic.clone(), last.partition);
            unread_ranges.entry(topic.clone()).or_default().push(UnreadRange {
                topic,
                partition,
                first,
                end,
            });
        }
    }
    unread_ranges
}

#[cfg(test)]
mod tests;
