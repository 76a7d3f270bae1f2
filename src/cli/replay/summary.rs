//! Counts of a replay.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;

/// Counts of one run.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Summary {
    /// True if nothing was written.
    pub(super) dry_run: bool,
    /// Number of the first line, from 1.
    pub(super) first_line: u64,
    /// Number of the last finished line. Less than the first if there is none.
    pub(super) last_line: u64,
    /// True if that is the last line of the file.
    pub(super) finished: bool,
    /// Lines whose records are written.
    pub(super) replayed: u64,
    /// Lines without a record: empty lines, probes, and events that a route drops.
    pub(super) nothing: u64,
    /// Lines that earlier runs rejected.
    pub(super) rejected_before: u64,
    /// Number of rejected lines, by reason.
    pub(super) rejected: BTreeMap<String, u64>,
    /// Number of records written, by topic.
    pub(super) topics: BTreeMap<String, u64>,
    /// Duration in seconds.
    pub(super) seconds: f64,
}

impl Summary {
    /// Returns the number of lines that this run rejected.
    pub(super) fn rejected(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// Returns true if the whole file was written.
    pub(super) fn is_clean(&self) -> bool {
        self.finished && self.rejected() == 0 && self.rejected_before == 0
    }

    /// Returns the summary as JSON.
    pub(super) fn json(&self) -> Value {
        json!({
            "dry_run": self.dry_run,
            "first_line": self.first_line,
            "last_line": self.last_line,
            "finished": self.finished,
            "replayed": self.replayed,
            "nothing": self.nothing,
            "rejected": self.rejected,
            "rejected_before": self.rejected_before,
            "topics": self.topics,
            "seconds": self.seconds,
        })
    }
}

/// Formats the summary for a person.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let would = if self.dry_run { "would be " } else { "" };
        match (self.last_line < self.first_line, self.finished) {
            (true, true) => writeln!(f, "nothing is left: line {} was the last", self.last_line)?,
            (true, false) => writeln!(f, "no line is done")?,
            (false, finished) => {
                let end = if finished { ", the last" } else { "" };
                writeln!(f, "lines {} to {}{end}", self.first_line, self.last_line)?;
            }
        }
        write!(f, "{} {would}replayed, {} rejected", self.replayed, self.rejected())?;
        if self.nothing > 0 {
            write!(f, ", {} become nothing", self.nothing)?;
        }
        if self.rejected_before > 0 {
            write!(f, "; {} were rejected before", self.rejected_before)?;
        }
        writeln!(f)?;
        self.topics.iter().try_for_each(|(topic, count)| writeln!(f, "{count:>8}  to {topic}"))?;
        self.rejected.iter().try_for_each(|(reason, count)| writeln!(f, "{count:>8}  rejected: {reason}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> Summary {
        Summary {
            first_line: 3,
            last_line: 9,
            finished: true,
            replayed: 5,
            nothing: 1,
            rejected: [("not_json".to_owned(), 1)].into(),
            topics: [("justcall.calls".to_owned(), 5), ("a".to_owned(), 2)].into(),
            ..Summary::default()
        }
    }

    #[test]
    fn summary_shows_lines_and_topics() {
        let expected = "\
lines 3 to 9, the last
5 replayed, 1 rejected, 1 become nothing
       2  to a
       5  to justcall.calls
       1  rejected: not_json
";
        assert_eq!(summary().to_string(), expected);
    }

    #[test]
    fn finished_file_is_reported_as_such() {
        let summary = Summary { first_line: 10, last_line: 9, finished: true, ..Summary::default() };
        assert!(summary.to_string().starts_with("nothing is left: line 9 was the last\n0 replayed"));
    }

    #[test]
    fn only_a_finished_file_without_rejects_is_clean() {
        let clean = Summary { rejected: BTreeMap::new(), ..summary() };
        assert!(clean.is_clean());
        assert!(!summary().is_clean());
        assert!(!Summary { finished: false, ..clean.clone() }.is_clean());
        assert!(!Summary { rejected_before: 1, ..clean }.is_clean());
    }
}
