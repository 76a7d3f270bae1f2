use crate::delivery::dead_letter::{Kept, replayed_of};
use crate::kafka::TailedRecord;
use chrono::{DateTime, Utc};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Formatted as `partition-offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LetterId {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
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

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LetterSummary {
    pub(crate) id: LetterId,
    /// Stable tag.
    pub(crate) reason: Arc<str>,
    pub(crate) detail: Arc<str>,
    pub(crate) source: Arc<str>,
    /// `None` if the header is unreadable.
    pub(crate) received_at: Option<DateTime<Utc>>,
    /// Bytes of the body.
    pub(crate) size: usize,
    pub(crate) replayed: Option<Arc<str>>,
}

/// In the order of each partition.
#[derive(Debug, Default)]
pub(crate) struct LetterIndex {
    entries: Vec<LetterSummary>,
    /// Indexes in `entries`.
    positions: HashMap<LetterId, usize>,
    /// Each text once, because few different ones occur in many summaries.
    texts: HashSet<Arc<str>>,
    is_found: bool,
}

#[derive(Debug)]
pub(crate) struct LetterSelection<'a> {
    pub(crate) ids: &'a [LetterId],
    /// Reasons whose letters are selected too.
    pub(crate) reasons: &'a [String],
    pub(crate) all: bool,
}

#[derive(Debug, Default)]
pub(crate) struct SelectedLetters {
    pub(crate) waiting: HashSet<LetterId>,
    pub(crate) unknown: Vec<LetterId>,
    pub(crate) replayed: Vec<LetterId>,
}

impl LetterIndex {
    /// Returns whether the topic exists and the user may describe it.
    pub(crate) fn is_found(&self) -> bool {
        self.is_found
    }

    pub(crate) fn get(&self, id: LetterId) -> Option<&LetterSummary> {
        self.positions.get(&id).and_then(|index| self.entries.get(*index))
    }

    /// All if there are no reasons.
    pub(crate) fn with_reasons<'a>(
        &'a self,
        reasons: &'a [String],
    ) -> impl Iterator<Item = &'a LetterSummary> {
        let is_chosen = move |entry: &&LetterSummary| {
            reasons.is_empty() || reasons.iter().any(|reason| **reason == *entry.reason)
        };
        self.entries.iter().filter(is_chosen)
    }

    pub(crate) fn select(&self, selection: &LetterSelection<'_>) -> SelectedLetters {
        let LetterSelection { ids, reasons, all } = *selection;
        let mut selected = SelectedLetters::default();
        for id in ids {
            match self.get(*id) {
                None => selected.unknown.push(*id),
                Some(entry) if entry.replayed.is_some() => selected.replayed.push(*id),
                Some(_) => {}
            }
        }
        let ids: HashSet<LetterId> = ids.iter().copied().collect();
        let is_selected = |entry: &&LetterSummary| {
            all || ids.contains(&entry.id) || reasons.iter().any(|reason| **reason == *entry.reason)
        };
        let waiting = self.entries.iter().filter(|entry| entry.replayed.is_none());
        selected.waiting = waiting.filter(is_selected).map(|entry| entry.id).collect();
        selected
    }

    pub(super) fn set_found(&mut self, is_found: bool) {
        self.is_found = is_found;
    }

    /// Ignores records that are neither dead letters nor marks.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::dead_letter;
    use crate::record::Headers;
    use bytes::Bytes;

    fn record(partition: i32, offset: i64, headers: Headers) -> TailedRecord {
        TailedRecord {
            topic: "dead".into(),
            partition,
            offset,
            timestamp: Some(0),
            key: None,
            headers,
            value: Some(Bytes::from_static(b"{}")),
        }
    }

    fn letter(partition: i32, offset: i64) -> TailedRecord {
        let headers = Headers::builder(64).add("dlq_reason", "not_json").add("dlq_source", "main").build();
        record(partition, offset, headers)
    }

    #[test]
    fn mark_applies_only_to_the_dead_letter_it_names() {
        let mut index = LetterIndex::default();
        let mark = dead_letter::replayed(1, 7, DateTime::UNIX_EPOCH);
        for record in [letter(0, 7), letter(1, 7), letter(1, 8), record(1, 9, mark)] {
            index.add(&record);
        }
        let replayed: Vec<_> =
            index.entries.iter().map(|entry| (entry.id.to_string(), entry.replayed.is_some())).collect();
        let expected = [("0-7", false), ("1-7", true), ("1-8", false)].map(|(id, is)| (id.to_owned(), is));
        assert_eq!(replayed, expected);
    }

    #[test]
    fn other_records_are_ignored() {
        let mut index = LetterIndex::default();
        index.add(&record(0, 0, Headers::builder(16).add("ce_id", "7").build()));
        index.add(&record(0, 1, dead_letter::replayed(5, 5, DateTime::UNIX_EPOCH)));
        assert!(index.entries.is_empty());
        assert_eq!(index.get(LetterId { partition: 0, offset: 0 }), None);
    }

    #[test]
    fn id_parses_as_displayed() {
        let id = LetterId { partition: 3, offset: 70 };
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "3", "3-", "-3-1", "3--1", "a-1", "3-1-1"] {
            assert!(wrong.parse::<LetterId>().is_err(), "{wrong}");
        }
    }
}
