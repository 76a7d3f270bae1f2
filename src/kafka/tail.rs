//! Readers of committed records. They join no consumer group and commit no offsets.
//!
//! [`Tail`] follows topics as they grow; [`BoundedReader`] reads up to their ends at its start.

mod bounded_reader;
mod consumer;

pub(super) use bounded_reader::is_hidden_from;
pub(crate) use bounded_reader::{BoundedReader, ReadStep};
pub(crate) use consumer::{StartPosition, TailedRecord};

use super::{Config, Error};
use consumer::{Isolation, PartitionOffset, PollResult, TopicConsumer};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const DISCOVERY_INTERVAL: Duration = Duration::from_secs(2);

/// A search delays the next record.
const DISCOVERY_TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) struct Tail {
    consumer: TopicConsumer,
    wanted: Box<dyn Fn(&str) -> bool + Send>,
    known: BTreeSet<(String, i32)>,
    discovered_at: Instant,
}

impl Tail {
    /// Reads the `wanted` topics. Those created later are read from their beginning.
    pub(crate) fn follow(
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

    pub(crate) fn topics(&self) -> BTreeSet<&str> {
        self.known.iter().map(|(topic, _)| topic.as_str()).collect()
    }

    /// `None` after `timeout`. Fails if a topic may not be read; unreachable brokers are retried.
    pub(crate) fn next(&mut self, timeout: Duration) -> Result<Option<TailedRecord>, Error> {
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
