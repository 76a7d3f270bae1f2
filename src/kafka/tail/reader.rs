//! A consumer of the library, as far as reading back needs one.

use crate::health::Readiness;
use crate::kafka::closing::Closing;
use crate::kafka::{Config, Error, Refusal, client};
use crate::record::Headers;
use bytes::Bytes;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Headers as _, Message};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{Offset, TopicPartitionList};
use std::cell::Cell;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long the cluster may take for an answer.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

const PAUSE: Duration = Duration::from_millis(200);

/// One record as it stands in its topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TailedRecord {
    /// The topic.
    pub topic: String,
    /// The partition, counted from zero.
    pub partition: i32,
    /// Its place in the partition.
    pub offset: i64,
    /// Milliseconds since 1970; `None` for records older than Kafka's times.
    pub timestamp: Option<i64>,
    /// The key, if it has one.
    pub key: Option<Bytes>,
    /// Names and values, in the order they stand.
    pub headers: Headers,
    /// The value; `None` is null, which is not the same as empty.
    pub value: Option<Bytes>,
}

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the oldest record that is kept.
    Beginning,
    /// With the next record that is written.
    Now,
    /// With the first record of that time or later, in milliseconds since 1970.
    At(i64),
}

/// A place in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) offset: Offset,
}

impl Place {
    /// The beginning of a topic's partition.
    pub(super) fn beginning((topic, partition): &(String, i32)) -> Self {
        Self { topic: topic.clone(), partition: *partition, offset: Offset::Beginning }
    }
}

/// Which records are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Isolation {
    /// Those of committed transactions, and those of none.
    Committed,
    /// All.
    Uncommitted,
}

/// What came of waiting for a record.
pub(super) enum Polled {
    Record(TailedRecord),
    /// The end of a partition was reached; which topic's, the library does not tell.
    End(i32),
    Nothing,
}

pub(super) struct Reader {
    consumer: Closing<BaseConsumer<client::Context>>,
    /// Time before which records are skipped, because the broker does not look times up.
    since: Cell<Option<i64>>,
}

impl ConsumerContext for client::Context {}

impl Reader {
    pub(super) fn connect(config: &Config, isolation: Isolation) -> Result<Self, Error> {
        let mut settings = client::connection(config);
        // The library wants a group's name even where no group is joined.
        settings.set("group.id", "justcall-bridge-tail");
        settings.set("enable.auto.commit", "false").set("enable.auto.offset.store", "false");
        settings.set("enable.partition.eof", "true");
        settings.set(
            "isolation.level",
            match isolation {
                Isolation::Committed => "read_committed",
                Isolation::Uncommitted => "read_uncommitted",
            },
        );
        // A person watches.
        settings.set("fetch.wait.max.ms", "50");
        // What the library reads ahead, over all partitions.
        settings.set("queued.max.messages.kbytes", "16384");
        let context = client::Context::new(Arc::new(Readiness::default()));
        let consumer = Closing::new(BaseConsumer::from_config_and_context(&settings, context)?);
        Ok(Self { consumer, since: Cell::new(None) })
    }

    /// Every partition of the topics whose names are wanted.
    pub(super) fn partitions(
        &self,
        wanted: impl Fn(&str) -> bool,
        within: Duration,
    ) -> Result<Vec<(String, i32)>, Error> {
        let metadata = self.consumer.fetch_metadata(None, within).map_err(unreachable)?;
        let topics = metadata.topics().iter().filter(|topic| wanted(topic.name()));
        let each = topics.flat_map(|topic| {
            topic.partitions().iter().map(|partition| (topic.name().to_owned(), partition.id()))
        });
        Ok(each.collect())
    }

    /// Returns the offsets that `at` means now.
    pub(super) fn places(&self, partitions: &[(String, i32)], at: Start) -> Result<Vec<Place>, Error> {
        let Start::At(time) = at else { return self.look_up(partitions, at) };
        let ends = self.look_up(partitions, Start::Now)?;
        let places = self.look_up(partitions, at)?;
        if !self.ignores_times(&places, &ends, time)? {
            return Ok(places);
        }
        self.since.set(Some(time));
        self.look_up(partitions, Start::Beginning)
    }

    /// Returns whether the broker finds no record since `time` where there is one, as the broker of `dev`
    /// does: it does not look times up. `ends` are from before `places`.
    fn ignores_times(&self, places: &[Place], ends: &[Place], time: i64) -> Result<bool, Error> {
        let is_late = |end: &Place| {
            let same = |place: &&Place| place.topic == end.topic && place.partition == end.partition;
            places.iter().find(same).is_some_and(|place| place.offset == Offset::End)
        };
        let last = ends.iter().filter_map(|end| match end.offset {
            Offset::Offset(next) if next > 0 && is_late(end) => {
                Some(Place { offset: Offset::Offset(next - 1), ..end.clone() })
            }
            _ => None,
        });
        let last: Vec<_> = last.collect();
        let mut unread = last.len();
        if unread == 0 {
            return Ok(false);
        }
        self.assign(&last)?;
        let deadline = Instant::now() + TIMEOUT;
        let mut ignores = false;
        while unread > 0 && !ignores && Instant::now() < deadline {
            match self.poll(PAUSE)? {
                Polled::Record(record) => ignores = record.timestamp.is_some_and(|written| written >= time),
                Polled::End(_) => unread -= 1,
                Polled::Nothing => {}
            }
        }
        self.assign(&[])?;
        Ok(ignores)
    }

    /// Asks for the offsets of all partitions at once.
    fn look_up(&self, partitions: &[(String, i32)], at: Start) -> Result<Vec<Place>, Error> {
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        // In place of a time the protocol takes these two words as well.
        let asked = match at {
            Start::Beginning => Offset::Beginning,
            Start::Now => Offset::End,
            Start::At(millis) => Offset::Offset(millis.max(0)),
        };
        let mut list = TopicPartitionList::new();
        for (topic, partition) in partitions {
            list.add_partition_offset(topic, *partition, asked)?;
        }
        let deadline = Instant::now() + TIMEOUT;
        loop {
            match self.offsets(list.clone()) {
                Ok(places) => return Ok(places),
                // The leaders of a topic just made are not known everywhere yet.
                Err(_) if Instant::now() < deadline => sleep(PAUSE),
                Err(error) => return Err(unreachable(error)),
            }
        }
    }

    fn offsets(&self, asked: TopicPartitionList) -> Result<Vec<Place>, KafkaError> {
        let found = self.consumer.offsets_for_times(asked, TIMEOUT)?;
        let place = |each: &TopicPartitionListElem<'_>| {
            each.error()?;
            let (topic, partition) = (each.topic().to_owned(), each.partition());
            Ok(Place { topic, partition, offset: each.offset() })
        };
        found.elements().iter().map(place).collect()
    }

    /// Reads from those places, and nothing else any more.
    pub(super) fn assign(&self, places: &[Place]) -> Result<(), Error> {
        Ok(self.consumer.assign(&list(places)?)?)
    }

    /// Reads from those places as well.
    pub(super) fn assign_more(&self, places: &[Place]) -> Result<(), Error> {
        Ok(self.consumer.incremental_assign(&list(places)?)?)
    }

    pub(super) fn poll(&self, timeout: Duration) -> Result<Polled, Error> {
        match self.consumer.poll(timeout) {
            None => Ok(Polled::Nothing),
            Some(Ok(message)) => {
                let written = message.timestamp().to_millis();
                let is_early = self.since.get().zip(written).is_some_and(|(since, written)| written < since);
                Ok(if is_early { Polled::Nothing } else { Polled::Record(TailedRecord::from(&message)) })
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => Ok(Polled::End(partition)),
            Some(Err(error)) => match error.rdkafka_error_code() {
                Some(code @ (Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed)) => {
                    let words = format!("{code}: the user needs Read on the topics");
                    Err(Error::Refused(Refusal::Said { words, is_authorization: true }))
                }
                // The library looks for a coordinator of the group that it never joins.
                Some(Code::GroupAuthorizationFailed) => Ok(Polled::Nothing),
                _ => {
                    tracing::warn!(%error, "cannot read the topics at the moment");
                    Ok(Polled::Nothing)
                }
            },
        }
    }
}

impl From<&BorrowedMessage<'_>> for TailedRecord {
    fn from(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        let headers = headers.fold(Headers::builder(256), |builder, header| {
            builder.add(header.key, header.value.unwrap_or_default())
        });
        Self {
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis(),
            key: message.key().map(Bytes::copy_from_slice),
            headers: headers.build(),
            value: message.payload().map(Bytes::copy_from_slice),
        }
    }
}

fn list(places: &[Place]) -> Result<TopicPartitionList, Error> {
    let mut list = TopicPartitionList::new();
    for place in places {
        list.add_partition_offset(&place.topic, place.partition, place.offset)?;
    }
    Ok(list)
}

fn unreachable(error: KafkaError) -> Error {
    Error::Unreachable(error.to_string())
}
