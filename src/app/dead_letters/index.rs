//! What is remembered of each dead letter: no body.

use crate::delivery::dead_letter::{Kept, replayed_of};
use crate::kafka::TailedRecord;
use chrono::{DateTime, Utc};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// Where a dead letter stands in its topic: `partition-offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LetterId {
    /// The partition.
    pub partition: i32,
    /// Its place in it.
    pub offset: i64,
}

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.partition, self.offset)
    }
}

impl FromStr for LetterId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('-').and_then(|(partition, offset)| {
            Some(Self { partition: partition.parse().ok()?, offset: offset.parse().ok()? })
        });
        parts
            .filter(|id| id.partition >= 0 && id.offset >= 0)
            .ok_or("expected PARTITION-OFFSET as `dead-letters list --each` shows it, such as 0-42")
    }
}

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands.
    pub id: LetterId,
    /// Stable tag.
    pub reason: Arc<str>,
    /// For a person.
    pub detail: Arc<str>,
    /// The name of the source it came from.
    pub source: Arc<str>,
    /// When it was received, if that can be read.
    pub received_at: Option<DateTime<Utc>>,
    /// Bytes of the body.
    pub size: usize,
    /// When it was replayed, if it was.
    pub replayed: Option<Arc<str>>,
}

/// Every dead letter of the topic, in the order they stand in their partitions.
#[derive(Debug, Default)]
pub struct Index {
    entries: Vec<Entry>,
    /// Where in `entries` each one is.
    places: HashMap<LetterId, usize>,
    /// Few different texts stand in many letters.
    texts: HashSet<Arc<str>>,
    is_there: bool,
}

impl Index {
    /// The dead letters.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether the cluster shows the topic at all.
    pub fn is_there(&self) -> bool {
        self.is_there
    }

    /// The dead letter that stands there.
    pub fn get(&self, id: LetterId) -> Option<&Entry> {
        self.places.get(&id).and_then(|place| self.entries.get(*place))
    }

    pub(super) fn found(&mut self, is_there: bool) {
        self.is_there = is_there;
    }

    /// Takes a record of the topic in: a dead letter, the mark of one before it, or neither.
    pub(super) fn add(&mut self, record: &TailedRecord) {
        if let Some(((partition, offset), at)) = replayed_of(&record.headers) {
            let at = self.intern(&at);
            let marked = self.places.get(&LetterId { partition, offset });
            if let Some(entry) = marked.and_then(|place| self.entries.get_mut(*place)) {
                entry.replayed = Some(at);
            }
        } else if let Some(kept) = Kept::read(&record.headers) {
            let id = LetterId { partition: record.partition, offset: record.offset };
            let entry = Entry {
                id,
                reason: self.intern(&kept.reason),
                detail: self.intern(&kept.detail),
                source: self.intern(&kept.source),
                received_at: kept.received_at,
                size: record.value.as_ref().map_or(0, bytes::Bytes::len),
                replayed: None,
            };
            self.places.insert(id, self.entries.len());
            self.entries.push(entry);
        }
    }

    fn intern(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let text: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&text));
        text
    }
}
