use super::consumer::{
    Isolation, PartitionOffset, PollResult, StartPosition, TIMEOUT, TailedRecord, TopicConsumer,
};
use crate::kafka::{Config, Error};
use rdkafka::Offset;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReadStep {
    Record(TailedRecord),
    Waiting,
    End,
}

/// Reads topics up to their ends at its start, one after the other by name.
pub(crate) struct BoundedReader {
    consumer: TopicConsumer,
    ahead: VecDeque<UnreadTopic>,
    /// Partitions of the current topic that are not read completely, with their ends.
    open: BTreeMap<i32, i64>,
    topics: usize,
}

/// First offset and end of each partition.
type UnreadTopic = Vec<(PartitionOffset, i64)>;

impl BoundedReader {
    pub(crate) fn read(
        config: &Config,
        wanted: impl Fn(&str) -> bool,
        start: StartPosition,
    ) -> Result<Self, Error> {
        let consumer = TopicConsumer::connect(config, Isolation::Committed)?;
        let found = consumer.partitions(wanted, TIMEOUT)?;
        let ends = consumer.offsets_at(&found, StartPosition::Now)?;
        let firsts = consumer.offsets_at(&found, start)?;
        Ok(Self::between(consumer, &firsts, &ends))
    }

    pub(crate) fn partition(
        config: &Config,
        topic: &str,
        partition: i32,
        offset: i64,
    ) -> Result<Self, Error> {
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
        let topics: BTreeSet<_> = ends.iter().map(|end| end.topic.as_str()).collect();
        let ahead = unread_topics(firsts, ends).into_values().collect();
        Self { consumer, ahead, open: BTreeMap::new(), topics: topics.len() }
    }

    /// Counts empty topics, too.
    pub(crate) fn topics(&self) -> usize {
        self.topics
    }

    /// Fails if a topic may not be read; unreachable brokers are retried.
    pub(crate) fn next(&mut self, timeout: Duration) -> Result<ReadStep, Error> {
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

    /// Starts the next topic; `false` if there is none.
    fn turn(&mut self) -> Result<bool, Error> {
        let Some(unread) = self.ahead.pop_front() else { return Ok(false) };
        self.open = unread.iter().map(|(first, end)| (first.partition, *end)).collect();
        self.consumer.assign(&unread.into_iter().map(|(first, _)| first).collect::<Vec<_>>())?;
        Ok(true)
    }

    /// Ignores records beyond the end.
    fn within(&mut self, record: TailedRecord) -> ReadStep {
        let Some(end) = self.open.get(&record.partition).copied() else { return ReadStep::Waiting };
        if record.offset + 1 >= end {
            self.open.remove(&record.partition);
        }
        if record.offset < end { ReadStep::Record(record) } else { ReadStep::Waiting }
    }
}

/// Returns whether an open transaction hides records from consumers of committed records.
pub(in crate::kafka) fn is_hidden_from(config: &Config, topic: &str) -> Result<bool, Error> {
    // In this order, because new records can only increase the second result.
    let ends = |isolation| {
        let consumer = TopicConsumer::connect(config, isolation)?;
        let found = consumer.partitions(|name| name == topic, TIMEOUT)?;
        let ends = consumer.offsets_at(&found, StartPosition::Now)?;
        Ok::<_, Error>(ends.into_iter().map(|end| (end.partition, end.offset.to_raw())))
    };
    let all: BTreeMap<_, _> = ends(Isolation::Uncommitted)?.collect();
    let committed: BTreeMap<_, _> = ends(Isolation::Committed)?.collect();
    Ok(all.iter().any(|(partition, end)| committed.get(partition).is_none_or(|readable| readable < end)))
}

fn unread_topics(firsts: &[PartitionOffset], ends: &[PartitionOffset]) -> BTreeMap<String, UnreadTopic> {
    let offset = |place: &PartitionOffset| place.offset.to_raw().filter(|offset| *offset >= 0);
    let mut unread: BTreeMap<String, UnreadTopic> = BTreeMap::new();
    for last in ends {
        let first =
            firsts.iter().find(|first| first.topic == last.topic && first.partition == last.partition);
        // There is no start if all records are older than the requested time.
        let Some(first) = first.filter(|first| offset(first).is_some()) else { continue };
        if let Some(end) = offset(last).filter(|end| offset(first) < Some(*end)) {
            unread.entry(last.topic.clone()).or_default().push((first.clone(), end));
        }
    }
    unread
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::{EmbeddedBroker, TopicsConfig};
    use rdkafka::ClientConfig;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

    fn place(topic: &str, partition: i32, offset: Offset) -> PartitionOffset {
        PartitionOffset { topic: topic.into(), partition, offset }
    }

    #[test]
    fn empty_partitions_are_not_read() {
        let firsts = [
            place("b", 0, Offset::Offset(3)),
            place("b", 1, Offset::Offset(7)),
            place("a", 0, Offset::End),
            place("a", 1, Offset::Offset(0)),
        ];
        let ends = [
            place("a", 0, Offset::Offset(9)),
            place("a", 1, Offset::Offset(1)),
            place("b", 0, Offset::Offset(5)),
            place("b", 1, Offset::Offset(7)),
            place("c", 0, Offset::Offset(2)),
        ];
        let found: Vec<_> = unread_topics(&firsts, &ends)
            .into_values()
            .flatten()
            .map(|(first, end)| (first.topic, first.partition, first.offset.to_raw().unwrap(), end))
            .collect();
        assert_eq!(found, [("a".to_owned(), 1, 0, 1), ("b".to_owned(), 0, 3, 5)]);
    }

    /// The embedded broker ignores times in lookups.
    #[test]
    fn records_since_a_time_are_found_on_the_embedded_broker() {
        let broker = EmbeddedBroker::start(vec!["t".into(), "empty".into()], 2).unwrap();
        let config = Config {
            bootstrap_servers: broker.bootstrap_servers().to_owned(),
            properties: BTreeMap::new(),
            topics: TopicsConfig {
                create_missing: false,
                partitions: None,
                replication_factor: None,
                config: BTreeMap::new(),
            },
        };
        let producer: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", &config.bootstrap_servers).create().unwrap();
        for (partition, timestamp) in [(0, 1000), (0, 2000), (0, 3000), (1, 1000)] {
            let record =
                BaseRecord::<(), str>::to("t").partition(partition).timestamp(timestamp).payload("v");
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(TIMEOUT).unwrap();
        for (since, expected) in [(0, vec![1000, 1000, 2000, 3000]), (2000, vec![2000, 3000]), (3001, vec![])]
        {
            let mut bounded_reader =
                BoundedReader::read(&config, |_| true, StartPosition::At(since)).unwrap();
            let mut times = Vec::new();
            loop {
                match bounded_reader.next(Duration::from_millis(100)).unwrap() {
                    ReadStep::Record(record) => times.extend(record.timestamp),
                    ReadStep::Waiting => {}
                    ReadStep::End => break,
                }
            }
            times.sort_unstable();
            assert_eq!(times, expected, "since {since}");
        }
    }
}
