//! Counts of replayed dead letters.

use crate::app::dead_letters::{LetterId, ReplayEvent};
use crate::cli::output::printable;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;

#[cfg(test)]
mod tests;

/// Counts, and the letters that need attention.
#[derive(Debug, Default)]
pub(super) struct Summary {
    dry_run: bool,
    /// Requested ids that are not in the topic.
    pub(super) unknown: Vec<LetterId>,
    /// Requested ids that were replayed before.
    pub(super) already: Vec<LetterId>,
    replayed: u64,
    nothing: u64,
    topics: BTreeMap<String, u64>,
    stay: Vec<(LetterId, String, String)>,
}

/// Formats the result of one letter.
pub(super) fn line(event: &ReplayEvent<'_>) -> String {
    match event {
        ReplayEvent::Replayed(id, topics) => format!("{id}  goes to {}", topics.join(", ")),
        ReplayEvent::Nothing(id, why) => format!("{id}  becomes nothing: {why}"),
        ReplayEvent::Stays(id, reason, detail) => format!("{id}  stays: {reason}: {}", printable(detail)),
        ReplayEvent::Waiting(why) => format!("waiting: {why}"),
    }
}

impl Summary {
    /// Returns a summary without letters.
    pub(super) fn of(dry_run: bool) -> Self {
        Self { dry_run, ..Self::default() }
    }

    /// Counts an event of the replay.
    pub(super) fn add(&mut self, event: &ReplayEvent<'_>) {
        match event {
            ReplayEvent::Replayed(_, topics) => {
                self.replayed += 1;
                for topic in topics {
                    *self.topics.entry((*topic).to_owned()).or_default() += 1;
                }
            }
            ReplayEvent::Nothing(..) => self.nothing += 1,
            ReplayEvent::Stays(id, reason, detail) => {
                self.stay.push((*id, (*reason).to_owned(), (*detail).to_owned()));
            }
            ReplayEvent::Waiting(_) => {}
        }
    }

    /// Returns true if no selected letter remains to be replayed.
    pub(super) fn is_complete(&self) -> bool {
        self.stay.is_empty() && self.unknown.is_empty()
    }

    /// Returns the summary as JSON.
    pub(super) fn json(&self) -> Value {
        let ids = |ids: &[LetterId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
        let stay: Vec<Value> = self
            .stay
            .iter()
            .map(|(id, reason, detail)| json!({"id": id.to_string(), "reason": reason, "detail": detail}))
            .collect();
        json!({
            "dry_run": self.dry_run,
            "replayed": self.replayed,
            "nothing": self.nothing,
            "topics": self.topics,
            "stay": stay,
            "already_replayed": ids(&self.already),
            "unknown": ids(&self.unknown),
        })
    }
}

/// Formats the summary for a person.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for id in &self.unknown {
            writeln!(f, "{id}  is no dead letter of this topic")?;
        }
        for id in &self.already {
            writeln!(f, "{id}  was replayed before")?;
        }
        if !self.dry_run {
            for (id, reason, detail) in &self.stay {
                writeln!(f, "{}", line(&ReplayEvent::Stays(*id, reason, detail)))?;
            }
        }
        let would = if self.dry_run { "would be " } else { "" };
        write!(f, "{} {would}replayed, {} stay", self.replayed, self.stay.len())?;
        if self.nothing > 0 {
            write!(f, ", {} become nothing", self.nothing)?;
        }
        writeln!(f)?;
        self.topics.iter().try_for_each(|(topic, records)| writeln!(f, "{records:>8}  to {topic}"))
    }
}
