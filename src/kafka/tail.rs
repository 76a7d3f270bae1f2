//! Reading topics back, to show what was written. No consumer group is joined, nothing is committed:
//! no consumer notices. Only what is committed is read.
//!
//! [`Tail`] follows topics as they grow; [`Stretch`] reads up to where they ended when it began.

mod reader;
mod stretch;

pub use reader::{Start, TailedRecord};
pub(super) use stretch::is_hidden_from;
pub use stretch::{Step, Stretch};

use super::{Config, Error};
use reader::{Isolation, Place, Polled, Reader};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How often topics and partitions are looked for that were not there before.
const LOOK: Duration = Duration::from_secs(2);

/// How long such a look may take: whoever waits for a record waits for it too.
const LOOK_WITHIN: Duration = Duration::from_secs(1);

/// Follows topics.
pub struct Tail {
    reader: Reader,
    wanted: Box<dyn Fn(&str) -> bool + Send>,
    known: BTreeSet<(String, i32)>,
    looked: Instant,
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
        start: Start,
    ) -> Result<Self, Error> {
        let reader = Reader::connect(config, Isolation::Committed)?;
        let found = reader.partitions(&wanted, reader::TIMEOUT)?;
        reader.assign(&reader.places(&found, start)?)?;
        let known = found.into_iter().collect();
        Ok(Self { reader, wanted: Box::new(wanted), known, looked: Instant::now() })
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
        if self.looked.elapsed() >= LOOK {
            self.look()?;
        }
        match self.reader.poll(timeout)? {
            Polled::Record(record) => Ok(Some(record)),
            Polled::End(_) | Polled::Nothing => Ok(None),
        }
    }

    fn look(&mut self) -> Result<(), Error> {
        let found = self.reader.partitions(&self.wanted, LOOK_WITHIN);
        self.looked = Instant::now();
        // Brokers that are away now are asked again.
        let Ok(found) = found else { return Ok(()) };
        let new: Vec<_> = found.into_iter().filter(|each| !self.known.contains(each)).collect();
        if new.is_empty() {
            return Ok(());
        }
        self.reader.assign_more(&new.iter().map(Place::beginning).collect::<Vec<_>>())?;
        self.known.extend(new);
        Ok(())
    }
}
