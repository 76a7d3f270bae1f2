//! Reading topics back, to show what was written. No consumer group is joined, nothing is committed:
//! no consumer notices. Only what is committed is read.
//!
//! [`Tail`] follows topics as they grow; [`BoundedReader`] reads up to where they ended when it began.

mod bounded_reader;
mod consumer;

pub(super) use bounded_reader::is_hidden_from;
pub use bounded_reader::{BoundedReader, ReadStep};
pub use consumer::{StartPosition, TailedRecord};

use super::{Config, Error};
use consumer::{Isolation, PartitionOffset, PollResult, TopicConsumer};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How often topics and partitions are discovered_at for that were not there before.
const DISCOVERY_INTERVAL: Duration = Duration::from_secs(2);

/// How long such a discover may take: whoever waits for a record waits for it too.
const DISCOVERY_TIMEOUT: Duration = Duration::from_secs(1);

/// Follows topics.
pub struct Tail {
    consumer: TopicConsumer,
    wanted: Box<dyn Fn(&str) -> bool + Send>,
    known: BTreeSet<(String, i32)>,
    discovered_at: Instant,
}

impl Tail {
    /// Starts to read the topics whose names are `wanted`, and by and by those that come to be later,
    /// from their beginning.
    ///
    /// # Errors
    /// When the cluster does not answer within ten seconds.
    pub fn follow(
        config: &Config,
        wanted: impl Fn(&str) -> bool + Send + 'static,
        start: StartPosition,
    ) -> Result<Self, Error> {
        let consumer = TopicConsumer::connect(config, Isolation::Committed)?;
        let found = consumer.partitions(&wanted, consumer::TIMEOUT)?;
        consumer.assign(&consumer.offsets_at(&found, start)?)?;
        let known = found.into_iter().collect();
        Ok(Self { consumer, wanted: Box::new(wanted), known, discovered_at: Instant::now() })
    }

    /// The topics that are read now, in alphabetical order.
    pub fn topics(&self) -> BTreeSet<&str> {
        self.known.iter().map(|(topic, _)| topic.as_str()).collect()
    }

    /// The next record, or `None` if none comes within `timeout`.
    ///
    /// # Errors
    /// When a topic may not be read. Brokers that are away are waited for.
    pub fn next(&mut self, timeout: Duration) -> Result<Option<TailedRecord>, Error> {
        if self.discovered_at.elapsed() >= DISCOVERY_INTERVAL {
            self.discover()?;
        }
        match self.consumer.poll(timeout)? {
            PollResult::Record(record) => Ok(Some(record)),
            PollResult::End(_) | PollResult::Nothing => Ok(None),
        }
    }

    fn discover(&mut self) -> Result<(), Error> {
        let found = self.consumer.partitions(&self.wanted, DISCOVERY_TIMEOUT);
        self.discovered_at = Instant::now();
        // Brokers that are away now are asked again.
        let Ok(found) = found else { return Ok(()) };
        let new: Vec<_> = found.into_iter().filter(|each| !self.known.contains(each)).collect();
        if new.is_empty() {
            return Ok(());
        }
        self.consumer.assign_more(&new.iter().map(PartitionOffset::beginning).collect::<Vec<_>>())?;
        self.known.extend(new);
        Ok(())
    }
}
