use super::index::LetterSummary;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LetterGroup {
    pub(crate) waiting: u64,
    pub(crate) replayed: u64,
    pub(crate) oldest: Option<DateTime<Utc>>,
    pub(crate) newest: Option<DateTime<Utc>>,
}

pub(crate) type LetterGroups<'a> = BTreeMap<(&'a str, &'a str), LetterGroup>;

pub(crate) fn groups<'a>(entries: impl Iterator<Item = &'a LetterSummary>) -> LetterGroups<'a> {
    let mut groups = LetterGroups::new();
    for entry in entries {
        let group = groups.entry((&*entry.reason, &*entry.source)).or_default();
        if entry.replayed.is_some() {
            group.replayed += 1;
            continue;
        }
        group.waiting += 1;
        if let Some(time) = entry.received_at {
            group.oldest = Some(group.oldest.map_or(time, |oldest| oldest.min(time)));
            group.newest = group.newest.max(Some(time));
        }
    }
    groups
}
