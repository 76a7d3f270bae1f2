//! Consumer without a group.

use crate::health::Readiness;
use crate::kafka::background_drop::BackgroundDrop;
use crate::kafka::client_config;
use crate::kafka::client_context::ErrorLogContext;
use crate::kafka::{Config, Error, KafkaRefusal};
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

pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

const RETRY_INTERVAL: Duration = Duration::from_millis(200);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TailedRecord {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    /// Milliseconds since 1970; `None` in an old format without timestamps.
    pub timestamp: Option<i64>,
    pub key: Option<Bytes>,
    pub headers: Headers,
    /// `None` is null, which differs from empty.
    pub value: Option<Bytes>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StartPosition {
    Beginning,
    Now,
    /// First record since this time, in milliseconds since 1970.
    At(i64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartitionOffset {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) offset: Offset,
}

impl PartitionOffset {
    pub(super) fn beginning((topic, partition): &(String, i32)) -> Self {
        Self { topic: topic.clone(), partition: *partition, offset: Offset::Beginning }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Isolation {
    /// Includes records outside transactions.
    Committed,
    Uncommitted,
}

pub(super) enum PollResult {
    Record(TailedRecord),
    /// librdkafka does not report of which topic.
    End(i32),
    Nothing,
}

pub(super) struct TopicConsumer {
    consumer: BackgroundDrop<BaseConsumer<ErrorLogContext>>,
    /// Records before this time are skipped, because the broker ignores times in lookups.
    since: Cell<Option<i64>>,
}

impl ConsumerContext for ErrorLogContext {}

impl TopicConsumer {
    pub(super) fn connect(config: &Config, isolation: Isolation) -> Result<Self, Error> {
        let mut settings = client_config::connection(config);
        // librdkafka requires a name even if no group is joined.
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
        // Short, because a person watches the output.
        settings.set("fetch.wait.max.ms", "50");
        // Over all partitions.
        settings.set("queued.max.messages.kbytes", "16384");
        let context = ErrorLogContext::new(Arc::new(Readiness::default()));
        let consumer = BackgroundDrop::new(BaseConsumer::from_config_and_context(&settings, context)?);
        Ok(Self { consumer, since: Cell::new(None) })
    }

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

    pub(super) fn offsets_at(
        &self,
        partitions: &[(String, i32)],
        at: StartPosition,
    ) -> Result<Vec<PartitionOffset>, Error> {
        let StartPosition::At(time) = at else { return self.look_up(partitions, at) };
        let ends = self.look_up(partitions, StartPosition::Now)?;
        let offsets_at = self.look_up(partitions, at)?;
        if !self.ignores_times(&offsets_at, &ends, time)? {
            return Ok(offsets_at);
        }
        self.since.set(Some(time));
        self.look_up(partitions, StartPosition::Beginning)
    }

    /// Returns whether the broker finds no record since `time` although there is one, as the embedded broker
    /// does. Read `ends` before `offsets_at`.
    fn ignores_times(
        &self,
        offsets_at: &[PartitionOffset],
        ends: &[PartitionOffset],
        time: i64,
    ) -> Result<bool, Error> {
        let is_late = |end: &PartitionOffset| {
            let same =
                |place: &&PartitionOffset| place.topic == end.topic && place.partition == end.partition;
            offsets_at.iter().find(same).is_some_and(|place| place.offset == Offset::End)
        };
        let last = ends.iter().filter_map(|end| match end.offset {
            Offset::Offset(next) if next > 0 && is_late(end) => {
                Some(PartitionOffset { offset: Offset::Offset(next - 1), ..end.clone() })
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
            match self.poll(RETRY_INTERVAL)? {
                PollResult::Record(record) => {
                    ignores = record.timestamp.is_some_and(|written| written >= time)
                }
                PollResult::End(_) => unread -= 1,
                PollResult::Nothing => {}
            }
        }
        self.assign(&[])?;
        Ok(ignores)
    }

    fn look_up(
        &self,
        partitions: &[(String, i32)],
        at: StartPosition,
    ) -> Result<Vec<PartitionOffset>, Error> {
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        // The protocol accepts two special values in place of a time.
        let asked = match at {
            StartPosition::Beginning => Offset::Beginning,
            StartPosition::Now => Offset::End,
            StartPosition::At(millis) => Offset::Offset(millis.max(0)),
        };
        let mut list = TopicPartitionList::new();
        for (topic, partition) in partitions {
            list.add_partition_offset(topic, *partition, asked)?;
        }
        let deadline = Instant::now() + TIMEOUT;
        loop {
            match self.offsets(list.clone()) {
                Ok(offsets_at) => return Ok(offsets_at),
                // The leaders of a new topic may be unknown.
                Err(_) if Instant::now() < deadline => sleep(RETRY_INTERVAL),
                Err(error) => return Err(unreachable(error)),
            }
        }
    }

    fn offsets(&self, asked: TopicPartitionList) -> Result<Vec<PartitionOffset>, KafkaError> {
        let found = self.consumer.offsets_for_times(asked, TIMEOUT)?;
        let place = |each: &TopicPartitionListElem<'_>| {
            each.error()?;
            let (topic, partition) = (each.topic().to_owned(), each.partition());
            Ok(PartitionOffset { topic, partition, offset: each.offset() })
        };
        found.elements().iter().map(place).collect()
    }

    /// Reads from these offsets only.
    pub(super) fn assign(&self, offsets_at: &[PartitionOffset]) -> Result<(), Error> {
        Ok(self.consumer.assign(&list(offsets_at)?)?)
    }

    /// Reads from these offsets, too.
    pub(super) fn assign_more(&self, offsets_at: &[PartitionOffset]) -> Result<(), Error> {
        Ok(self.consumer.incremental_assign(&list(offsets_at)?)?)
    }

    pub(super) fn poll(&self, timeout: Duration) -> Result<PollResult, Error> {
        match self.consumer.poll(timeout) {
            None => Ok(PollResult::Nothing),
            Some(Ok(message)) => {
                let written = message.timestamp().to_millis();
                let is_early = self.since.get().zip(written).is_some_and(|(since, written)| written < since);
                Ok(if is_early {
                    PollResult::Nothing
                } else {
                    PollResult::Record(TailedRecord::from(&message))
                })
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => Ok(PollResult::End(partition)),
            Some(Err(error)) => match error.rdkafka_error_code() {
                Some(code @ (Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed)) => {
                    let words = format!("{code}: the user needs Read on the topics");
                    Err(Error::Refused(KafkaRefusal::BrokerError { words, is_authorization: true }))
                }
                // librdkafka looks up the coordinator of a group that it never joins.
                Some(Code::GroupAuthorizationFailed) => Ok(PollResult::Nothing),
                _ => {
                    tracing::warn!(%error, "cannot read the topics now; retrying");
                    Ok(PollResult::Nothing)
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

fn list(offsets_at: &[PartitionOffset]) -> Result<TopicPartitionList, Error> {
    let mut list = TopicPartitionList::new();
    for place in offsets_at {
        list.add_partition_offset(&place.topic, place.partition, place.offset)?;
    }
    Ok(list)
}

fn unreachable(error: KafkaError) -> Error {
    Error::Unreachable(error.to_string())
}
