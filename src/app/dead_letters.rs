//! What stands in the dead-letter topic. Every call blocks.

mod index;
mod replay;

pub use crate::delivery::dead_letter::Kept;
pub use index::{Entry, Index, LetterId};
pub use replay::{Failed, Replay, Told};

use crate::config::Settings;
use crate::delivery::dead_letter::replayed_of;
use crate::kafka::{self, BoundedReader, ReadStep, StartPosition, TailedRecord};
use crate::record::Headers;
use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// For so long nothing may come of a topic that is not at its end.
const PATIENCE: Duration = Duration::from_secs(60);

const SLICE: Duration = Duration::from_millis(200);

/// The dead-letter topic.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    kafka: kafka::Config,
    topic: Arc<str>,
}

/// One dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Where it stands.
    pub id: LetterId,
    /// What its headers say.
    pub kept: Kept,
    /// All of its headers.
    pub headers: Headers,
    /// The bytes as they came.
    pub value: Bytes,
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
    /// The topic that the settings name.
    pub fn of(settings: &Settings) -> Self {
        let topic = Arc::from(settings.ingest.dead_letter.topic.as_str());
        Self { kafka: settings.kafka.clone(), topic }
    }

    /// The topic's name.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Reads the topic to its end and keeps of each dead letter what a line of a list says.
    ///
    /// # Errors
    /// When the topic cannot be read to its end.
    pub fn index(&self) -> Result<Index, kafka::Error> {
        let mut index = Index::default();
        let topic = BoundedReader::read(&self.kafka, |name| name == &*self.topic, StartPosition::Beginning)?;
        index.found(topic.topics() > 0);
        read(topic, |record| {
            index.add(&record);
            true
        })?;
        Ok(index)
    }

    /// One dead letter, and when it was replayed, if it was; `None` if none stands there.
    ///
    /// # Errors
    /// When the topic cannot be read to its end.
    pub fn find(&self, id: LetterId) -> Result<Option<(Letter, Option<String>)>, kafka::Error> {
        let mut found = None;
        let mut replayed = None;
        let topic = BoundedReader::partition(&self.kafka, &self.topic, id.partition, id.offset)?;
        // Its mark stands behind it.
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

    /// Shows every dead letter with its body to `visit`, until that returns `false`.
    fn each(&self, mut visit: impl FnMut(Letter) -> bool) -> Result<(), kafka::Error> {
        let topic = BoundedReader::read(&self.kafka, |name| name == &*self.topic, StartPosition::Beginning)?;
        read(topic, |record| Letter::read(record).is_none_or(&mut visit))
    }
}

/// Reads until the end, or until `visit` returns `false`.
fn read(mut topic: BoundedReader, mut visit: impl FnMut(TailedRecord) -> bool) -> Result<(), kafka::Error> {
    let mut heard = Instant::now();
    loop {
        match topic.next(SLICE)? {
            ReadStep::End => return Ok(()),
            ReadStep::Record(record) => {
                if !visit(record) {
                    return Ok(());
                }
                heard = Instant::now();
            }
            ReadStep::Waiting if heard.elapsed() > PATIENCE => {
                let text = format!("nothing came for {PATIENCE:?} before the end of the topic");
                return Err(kafka::Error::Unreachable(text));
            }
            ReadStep::Waiting => {}
        }
    }
}
