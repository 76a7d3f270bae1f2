//! Counts of replayed dead letters.

use crate::replay::dead_letters::{LetterId, ReplayEvent};
use crate::terminal::printable;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;

#[derive(Debug, Default)]
pub(super) struct ReplaySummary {
    dry_run: bool,
    /// Requested ids that are not in the topic.
    unknown: Vec<LetterId>,
    already: Vec<LetterId>,
    replayed: u64,
    nothing: u64,
    topics: BTreeMap<String, u64>,
    stay: Vec<(LetterId, String, String)>,
}

pub(super) fn line(event: &ReplayEvent<'_>) -> String {
    let line = match event {
        ReplayEvent::Replayed(id, topics) => format!("{id}  goes to {}", topics.join(", ")),
        ReplayEvent::Nothing(id, why) => format!("{id}  becomes nothing: {why}"),
        ReplayEvent::Stays(id, reason, detail) => format!("{id}  stays: {reason}: {detail}"),
        ReplayEvent::Waiting(why) => format!("waiting: {why}"),
    };
    printable(&line).into_owned()
}

impl ReplaySummary {
    pub(super) fn of(dry_run: bool, unknown: Vec<LetterId>, already: Vec<LetterId>) -> Self {
        Self { dry_run, unknown, already, ..Self::default() }
    }

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

    pub(super) fn is_complete(&self) -> bool {
        self.stay.is_empty() && self.unknown.is_empty()
    }

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

impl fmt::Display for ReplaySummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for id in &self.unknown {
            writeln!(f, "{id}  is not a dead letter of this topic")?;
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
        self.topics
            .iter()
            .try_for_each(|(topic, records)| writeln!(f, "{records:>8}  to {}", printable(topic)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(offset: i64) -> LetterId {
        LetterId { partition: 0, offset }
    }

    fn summary(dry_run: bool) -> ReplaySummary {
        let mut summary = ReplaySummary { dry_run, already: vec![id(9)], ..ReplaySummary::default() };
        summary.add(&ReplayEvent::Replayed(id(1), vec!["a.b", "a"]));
        summary.add(&ReplayEvent::Replayed(id(2), vec!["a"]));
        summary.add(&ReplayEvent::Waiting("no broker"));
        summary.add(&ReplayEvent::Stays(id(3), "not_json", "the body is not JSON"));
        summary
    }

    #[test]
    fn summary_counts_letters_and_the_records_of_each_topic() {
        let expected = "\
0-9  was replayed before
0-3  stays: not_json: the body is not JSON
2 replayed, 1 stay
       2  to a
       1  to a.b
";
        assert_eq!(summary(false).to_string(), expected);
        assert!(summary(true).to_string().contains("2 would be replayed, 1 stay"));
        let json = summary(false).json();
        assert_eq!((&json["replayed"], &json["topics"]["a"]), (&json!(2), &json!(2)));
        assert_eq!(json["stay"][0]["id"], "0-3");
    }

    #[test]
    fn remaining_or_unknown_letters_make_the_summary_incomplete() {
        assert!(!summary(false).is_complete());
        assert!(!ReplaySummary { unknown: vec![id(1)], ..ReplaySummary::default() }.is_complete());
        assert!(ReplaySummary { already: vec![id(1)], ..ReplaySummary::default() }.is_complete());
    }
}
