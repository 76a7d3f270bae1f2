mod groups;
mod index;
mod replay;

pub(crate) use groups::{LetterGroups, groups};
pub(crate) use index::{LetterId, LetterIndex, LetterSelection, LetterSummary, SelectedLetters};
pub(crate) use replay::{Replay, ReplayError, ReplayEvent};

use crate::config::Settings;
use crate::delivery::dead_letter::{Kept, replayed_of};
use crate::kafka::{self, BoundedReader, ReadStep, StartPosition, TailedRecord};
use crate::record::Headers;
use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest time without a record before the end of a topic.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

const POLL_INTERVAL: Duration = Duration::from_millis(200);

#[derive(Debug, Clone)]
pub(crate) struct DeadLetters {
    kafka: kafka::Config,
    topic: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Letter {
    pub(crate) id: LetterId,
    /// Reason and origin, from the headers.
    pub(crate) kept: Kept,
    pub(crate) headers: Headers,
    /// Body as received.
    pub(crate) value: Bytes,
}

impl Letter {
    fn read(record: TailedRecord) -> Option<Self> {
        Some(Self {
            id: LetterId { partition: record.partition, offset: record.offset },
            kept: Kept::read(&record.headers)?,
            headers: record.headers,
            value: record.value.unwrap_or_default(),
        })
    }
}

impl DeadLetters {
    pub(crate) fn of(settings: &Settings) -> Self {
        let topic = Arc::from(settings.ingest.dead_letter.topic.as_str());
        Self { kafka: settings.kafka.clone(), topic }
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    /// Fails if the topic cannot be read to its end.
    pub(crate) fn index(&self) -> Result<LetterIndex, kafka::Error> {
        let mut index = LetterIndex::default();
        let topic = BoundedReader::read(&self.kafka, |name| name == &*self.topic, StartPosition::Beginning)?;
        index.set_found(topic.topics() > 0);
        read(topic, |record| {
            index.add(&record);
            true
        })?;
        Ok(index)
    }

    /// Returns a dead letter and the time of its replay. Fails if the topic cannot be read to its end.
    pub(crate) fn find(&self, id: LetterId) -> Result<Option<(Letter, Option<String>)>, kafka::Error> {
        let mut found = None;
        let mut replayed = None;
        let topic = BoundedReader::partition(&self.kafka, &self.topic, id.partition, id.offset)?;
        // A mark follows its dead letter.
        read(topic, |record| {
            if let Some((place, at)) = replayed_of(&record.headers) {
                if place == (id.partition, id.offset) {
                    replayed = Some(at);
                }
            } else if record.offset == id.offset {
                found = Letter::read(record);
            }
            found.is_some() && replayed.is_none()
        })?;
        Ok(found.map(|letter| (letter, replayed)))
    }

    fn each(&self, mut visit: impl FnMut(Letter) -> bool) -> Result<(), kafka::Error> {
        let topic = BoundedReader::read(&self.kafka, |name| name == &*self.topic, StartPosition::Beginning)?;
        read(topic, |record| Letter::read(record).is_none_or(&mut visit))
    }
}

/// Reads a topic to its end, or until `visit` returns `false`.
fn read(mut topic: BoundedReader, mut visit: impl FnMut(TailedRecord) -> bool) -> Result<(), kafka::Error> {
    let mut last = Instant::now();
    loop {
        match topic.next(POLL_INTERVAL)? {
            ReadStep::End => return Ok(()),
            ReadStep::Record(record) => {
                if !visit(record) {
                    return Ok(());
                }
                last = Instant::now();
            }
            ReadStep::Waiting if last.elapsed() > READ_TIMEOUT => {
                let text = format!("received no record for {READ_TIMEOUT:?} before the end of the topic");
                return Err(kafka::Error::Unreachable(text));
            }
            ReadStep::Waiting => {}
        }
    }
}
