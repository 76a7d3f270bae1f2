//! Dead letters that are put through the current rules again, each at most once.
//!
//! A letter's records and the mark that says so are written in one transaction, always under the topic's
//! own transactional id. So a crash leaves both or neither, and a second replay ends the first one's before
//! it looks which letters are marked.

use super::{DeadLetters, Letter, LetterId};
use crate::app::replay::{Outlet, Rules, Ruling};
use crate::delivery::dead_letter;
use crate::kafka::{self, CommitError, Marker, ShouldRetry};
use crate::record::{Record, names};
use chrono::{DateTime, Utc};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::runtime::Handle;

#[cfg(test)]
mod tests;

/// With the topic's name behind it: fences every other replay of the same dead letters.
const TRANSACTIONAL_ID: &str = "justcall-bridge-dead-letters";

/// What one transaction holds at most.
const BATCH_LETTERS: usize = 100;
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// What became of a letter, told as it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told<'a> {
    /// Its records are written, or would be: to these topics.
    Replayed(LetterId, Vec<&'a str>),
    /// Nothing comes of it, and why. It is marked like those that are replayed.
    Nothing(LetterId, &'a str),
    /// It stays as it is: reason and detail.
    Stays(LetterId, &'a str, &'a str),
    /// Kafka lets wait, and why.
    Waiting(&'a str),
}

/// Why a replay ended early. What was told as replayed is.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The topic cannot be read.
    #[error(transparent)]
    Read(#[from] kafka::Error),
    /// Nothing more could be written.
    #[error(transparent)]
    Write(CommitError),
    /// Marks may stand where they cannot be seen yet.
    #[error(
        "a transaction of another program is open in {0}, and what stands behind it cannot be seen: try again once it has ended"
    )]
    Hidden(String),
}

/// A replay of dead letters.
pub struct Replay<'a> {
    /// Where they are.
    pub letters: &'a DeadLetters,
    /// What they go through.
    pub rules: &'a Rules,
    /// Which of them. Those that are marked already are left out.
    pub chosen: HashSet<LetterId>,
    /// Whether it is only told what would happen.
    pub dry_run: bool,
    /// Driven by another thread.
    pub runtime: Handle,
}

impl Replay<'_> {
    /// Replays what was chosen and is not marked yet.
    ///
    /// # Errors
    /// When it ends early, also because `told` returned `false`.
    pub fn run(&self, told: &mut dyn FnMut(Told<'_>) -> bool) -> Result<(), Failed> {
        let mut outlet = if self.dry_run { None } else { Some(self.open(told)?) };
        // Only now, when nobody else marks any more.
        let index = self.letters.index()?;
        let is_left = |id: LetterId| {
            self.chosen.contains(&id) && index.get(id).is_some_and(|entry| entry.replayed.is_none())
        };
        let mut batch = Batch::default();
        let mut failed = None;
        self.letters.each(|letter| {
            if !is_left(letter.id) {
                return true;
            }
            let ended = self.take(letter, &mut batch, &mut outlet, told);
            let goes_on = ended.is_ok();
            failed = failed.take().or(ended.err());
            goes_on
        })?;
        match failed {
            Some(why) => Err(Failed::Write(why)),
            None => self.write(batch, &mut outlet, told).map_err(Failed::Write),
        }
    }

    fn open(&self, told: &mut dyn FnMut(Told<'_>) -> bool) -> Result<Outlet, Failed> {
        let config = &self.letters.kafka;
        let keep_on: ShouldRetry<'_> = &mut |why| told(Told::Waiting(why));
        let id = format!("{TRANSACTIONAL_ID}-{}", self.letters.topic);
        let outlet = Outlet::open(config, &id, self.runtime.clone(), keep_on).map_err(Failed::Write)?;
        if outlet.is_hidden(&self.letters.topic)? {
            return Err(Failed::Hidden(self.letters.topic.to_string()));
        }
        Ok(outlet)
    }

    /// Rules on a letter, and writes the batch once it is full.
    fn take(
        &self,
        letter: Letter,
        batch: &mut Batch,
        outlet: &mut Option<Outlet>,
        told: &mut dyn FnMut(Told<'_>) -> bool,
    ) -> Result<(), CommitError> {
        let id = letter.id;
        let now = Utc::now();
        let received_at = letter.kept.received_at.unwrap_or(now);
        let goes_on = match self.rules.rule(&letter.kept.source, &letter.value, received_at, now) {
            Ruling::Records(records) => {
                batch.add(id, lacking(records.into_vec(), letter.kept.refused_for.as_deref()));
                true
            }
            Ruling::Nothing(why) => {
                batch.add(id, Vec::new());
                told(Told::Nothing(id, why))
            }
            Ruling::Rejected { reason, detail } => told(Told::Stays(id, &reason, &detail)),
        };
        if batch.is_full() {
            self.write(std::mem::take(batch), outlet, told)?;
        }
        if goes_on { Ok(()) } else { Err(CommitError::Stopped) }
    }

    /// Writes a batch, and where Kafka refuses it, each letter alone.
    fn write(
        &self,
        batch: Batch,
        outlet: &mut Option<Outlet>,
        told: &mut dyn FnMut(Told<'_>) -> bool,
    ) -> Result<(), CommitError> {
        let mut goes_on = true;
        let written = match outlet {
            Some(outlet) => {
                let (records, marks) = self.contents(&batch.letters, Utc::now());
                outlet.write(&records, &marks, &mut |why| told(Told::Waiting(why)))
            }
            None => Ok(()),
        };
        match written {
            Ok(()) => {
                let forwarded = batch.letters.iter().filter(|(_, records)| !records.is_empty());
                for (id, records) in forwarded {
                    let topics = records.iter().map(|record| &*record.topic).collect();
                    // What is committed is told of to the last, also to one who wants to stop.
                    goes_on &= told(Told::Replayed(*id, topics));
                }
                if goes_on { Ok(()) } else { Err(CommitError::Stopped) }
            }
            Err(CommitError::Refused(why)) => match batch.letters.as_slice() {
                [(id, _)] if told(Told::Stays(*id, names::REFUSED_BY_KAFKA, &why)) => Ok(()),
                [_] => Err(CommitError::Stopped),
                _ => batch.singles().try_for_each(|single| self.write(single, outlet, told)),
            },
            Err(why) => Err(why),
        }
    }

    /// What one transaction writes: all records, and behind each letter in its own partition its mark, so
    /// that no retention takes the mark away before the letter.
    fn contents(&self, letters: &[(LetterId, Vec<Record>)], at: DateTime<Utc>) -> (Vec<Record>, Vec<Marker>) {
        let records = letters.iter().flat_map(|(_, records)| records.iter().cloned()).collect();
        let mark = |(id, _): &(LetterId, Vec<Record>)| Marker {
            topic: Arc::clone(&self.letters.topic),
            partition: id.partition,
            headers: dead_letter::replayed(id.partition, id.offset, at),
            timestamp: at.timestamp_millis(),
        };
        (records, letters.iter().map(mark).collect())
    }
}

/// Of an event that Kafka refused for one topic, the others have their records. If the routes do not name
/// that topic any more, they have changed, and all count.
fn lacking(mut records: Vec<Record>, refused_for: Option<&str>) -> Vec<Record> {
    if records.iter().any(|record| refused_for == Some(&*record.topic)) {
        records.retain(|record| refused_for == Some(&*record.topic));
    }
    records
}

/// Letters that are written together.
#[derive(Debug, Default)]
struct Batch {
    letters: Vec<(LetterId, Vec<Record>)>,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, id: LetterId, records: Vec<Record>) {
        self.bytes += records.iter().map(Record::size).sum::<usize>();
        self.letters.push((id, records));
    }

    fn is_full(&self) -> bool {
        self.letters.len() >= BATCH_LETTERS || self.bytes >= BATCH_BYTES
    }

    fn singles(self) -> impl Iterator<Item = Self> {
        self.letters.into_iter().map(|letter| Self { letters: vec![letter], bytes: 0 })
    }
}
