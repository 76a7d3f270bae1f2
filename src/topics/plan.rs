use crate::kafka::{ConfigOrigin, ConfigValue, Described, Topic, TopicsConfig, same_value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// In alphabetical order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TopicsPlan(pub(crate) Vec<Entry>);

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) topic: String,
    pub(crate) state: State,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum State {
    Create,
    /// The cluster's reason.
    Hidden(String),
    There(There),
}

/// Differences of an existing topic from values that the settings have.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct There {
    pub(crate) widening: Option<Widening>,
    pub(crate) changes: Vec<Change>,
    /// Not changed by `apply`.
    pub(crate) differences: Vec<Difference>,
    /// Configuration that the settings do not name. Left alone.
    pub(crate) others: BTreeMap<String, Option<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Widening {
    pub(crate) now: usize,
    pub(crate) wanted: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) name: String,
    /// `None` if the cluster does not know the setting or hides its value.
    pub(crate) now: Option<String>,
    pub(crate) wanted: String,
}

impl fmt::Display for Widening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "partitions: {} -> {}", self.now, self.wanted)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = self.now.as_deref().unwrap_or("(unknown to the cluster)");
        write!(f, "{}: {now} -> {}", self.name, self.wanted)
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// Kafka cannot remove partitions.
    TooManyPartitions { now: usize, wanted: usize },
    /// Other tools move replicas.
    Replicas { now: BTreeSet<usize>, wanted: usize },
    /// The cluster does not report configuration that the settings name.
    ConfigHidden(String),
}

/// A topic can count in both `alter` and `differ`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) create: usize,
    pub(crate) alter: usize,
    pub(crate) differ: usize,
    pub(crate) hidden: usize,
    pub(crate) ok: usize,
}

impl TopicsPlan {
    pub(crate) fn new(
        topics: &[Arc<str>],
        described: &BTreeMap<String, Described>,
        wanted: &TopicsConfig,
    ) -> Self {
        let names: BTreeSet<&str> = topics.iter().map(AsRef::as_ref).collect();
        let entry = |name: &str| {
            let state = match described.get(name) {
                Some(Described::Found(topic)) => State::There(compare(topic, wanted)),
                Some(Described::Refused(refusal)) => State::Hidden(refusal.to_string()),
                Some(Described::Missing) | None => State::Create,
            };
            Entry { topic: name.to_owned(), state }
        };
        Self(names.into_iter().map(entry).collect())
    }

    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for Entry { state, .. } in &self.0 {
            match state {
                State::Create => counts.create += 1,
                State::Hidden(_) => counts.hidden += 1,
                State::There(there) => {
                    let alters = there.widening.is_some() || !there.changes.is_empty();
                    let differs = !there.differences.is_empty();
                    counts.alter += usize::from(alters);
                    counts.differ += usize::from(differs);
                    counts.ok += usize::from(!alters && !differs);
                }
            }
        }
        counts
    }

    pub(crate) fn is_to_do(&self, add_partitions: bool) -> bool {
        self.0.iter().any(|entry| match &entry.state {
            State::Create => true,
            State::Hidden(_) => false,
            State::There(there) => !there.changes.is_empty() || add_partitions && there.widening.is_some(),
        })
    }

    pub(crate) fn widens(&self) -> bool {
        self.0.iter().any(|entry| matches!(&entry.state, State::There(There { widening: Some(_), .. })))
    }

    pub(crate) fn width(&self) -> usize {
        self.0.iter().map(|entry| entry.topic.len()).max().unwrap_or(0)
    }

    pub(crate) fn hidden(&self) -> Vec<&str> {
        let hidden = self.0.iter().filter(|entry| matches!(entry.state, State::Hidden(_)));
        hidden.map(|entry| entry.topic.as_str()).collect()
    }
}

fn compare(topic: &Topic, wanted: &TopicsConfig) -> There {
    let mut there = There::default();
    let partitions = topic.partitions.len();
    match wanted.partitions.and_then(count) {
        Some(wanted) if partitions < wanted => {
            there.widening = Some(Widening { now: partitions, wanted });
        }
        Some(wanted) if partitions > wanted => {
            there.differences.push(Difference::TooManyPartitions { now: partitions, wanted });
        }
        _ => {}
    }
    if let Some(wanted) = wanted.replication_factor.and_then(count) {
        let now: BTreeSet<usize> =
            topic.partitions.iter().map(|partition| partition.replicas.len()).collect();
        if now.iter().any(|replicas| *replicas != wanted) {
            there.differences.push(Difference::Replicas { now, wanted });
        }
    }
    match &topic.config {
        Ok(config) => compare_config(&mut there, config, &wanted.config),
        Err(_) if wanted.config.is_empty() => {}
        Err(refusal) => there.differences.push(Difference::ConfigHidden(refusal.to_string())),
    }
    there
}

fn compare_config(there: &mut There, now: &BTreeMap<String, ConfigValue>, wanted: &BTreeMap<String, String>) {
    for (name, wanted) in wanted {
        let now = now.get(name).and_then(|it| it.value.as_deref());
        if !now.is_some_and(|now| same_value(now, wanted)) {
            let (name, wanted) = (name.clone(), wanted.clone());
            there.changes.push(Change { name, now: now.map(str::to_owned), wanted });
        }
    }
    let others =
        now.iter().filter(|(name, it)| it.origin == ConfigOrigin::Topic && !wanted.contains_key(*name));
    there.others = others.map(|(name, it)| (name.clone(), it.value.clone())).collect();
}

fn count(number: i32) -> Option<usize> {
    usize::try_from(number).ok()
}
