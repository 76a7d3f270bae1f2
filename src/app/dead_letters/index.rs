//! Summaries of dead letters, without bodies.

use crate::delivery::dead_letter::{Kept, replayed_of};
use crate::kafka::TailedRecord;
use chrono::{DateTime, Utc};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// Position of a dead letter in its topic: `partition-offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LetterId {
    /// Partition.
    pub partition: i32,
    /// Offset in the partition.
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

/// Summary of a dead letter, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterSummary {
    /// Position in the topic.
    pub id: LetterId,
    /// Stable tag of the reason.
    pub reason: Arc<str>,
    /// Description of the reason.
    pub detail: Arc<str>,
    /// Name of its source.
    pub source: Arc<str>,
    /// Time when it was received, if the header is readable.
    pub received_at: Option<DateTime<Utc>>,
    /// Size of the body, in bytes.
    pub size: usize,
    /// Time of its replay, if it was replayed.
    pub replayed: Option<Arc<str>>,
}

/// Summaries of all dead letters of a topic, in the order of each partition.
#[derive(Debug, Default)]
pub struct LetterIndex {
    entries: Vec<LetterSummary>,
    /// Index in `entries` of each dead letter.
    positions: HashMap<LetterId, usize>,
    /// Texts of the summaries, each once, because few different ones occur in many.
    texts: HashSet<Arc<str>>,
    is_found: bool,
}

impl LetterIndex {
    /// Returns the summaries.
    pub fn entries(&self) -> &[LetterSummary] {
        &self.entries
    }

    /// Returns whether the topic exists and the user may describe it.
    pub fn is_found(&self) -> bool {
        self.is_found
    }

    /// Returns the dead letter at a position.
    pub fn get(&self, id: LetterId) -> Option<&LetterSummary> {
        self.positions.get(&id).and_then(|index| self.entries.get(*index))
    }

    pub(super) fn set_found(&mut self, is_found: bool) {
        self.is_found = is_found;
    }

    /// Adds a record of the topic: a dead letter, a mark of an earlier one, or neither, which is ignored.
    pub(super) fn add(&mut self, record: &TailedRecord) {
        if let Some(((partition, offset), at)) = replayed_of(&record.headers) {
            let at = self.intern(&at);
            let marked = self.positions.get(&LetterId { partition, offset });
            if let Some(entry) = marked.and_then(|index| self.entries.get_mut(*index)) {
                entry.replayed = Some(at);
            }
        } else if let Some(kept) = Kept::read(&record.headers) {
            let id = LetterId { partition: record.partition, offset: record.offset };
            let entry = LetterSummary {
                id,
                reason: self.intern(&kept.reason),
                detail: self.intern(&kept.detail),
                source: self.intern(&kept.source),
                received_at: kept.received_at,
                size: record.value.as_ref().map_or(0, bytes::Bytes::len),
                replayed: None,
            };
            self.positions.insert(id, self.entries.len());
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
