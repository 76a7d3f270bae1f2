//! Counts of a replay as text and as JSON.

use crate::replay::file::LineCounts;
use crate::terminal::printable;
use serde_json::{Value, json};
use std::fmt;

pub(super) fn json(counts: &LineCounts) -> Value {
    json!({
        "dry_run": counts.dry_run,
        "first_line": counts.first_line,
        "last_line": counts.last_line,
        "finished": counts.finished,
        "replayed": counts.replayed,
        "nothing": counts.nothing,
        "rejected": counts.rejected,
        "rejected_before": counts.rejected_before,
        "topics": counts.topics,
        "seconds": counts.seconds,
    })
}

pub(super) fn text(counts: &LineCounts) -> String {
    let mut text = String::new();
    let _ = write(&mut text, counts);
    text
}

fn write(f: &mut impl fmt::Write, counts: &LineCounts) -> fmt::Result {
    let would = if counts.dry_run { "would be " } else { "" };
    match (counts.last_line < counts.first_line, counts.finished) {
        (true, true) => writeln!(f, "nothing is left: line {} was the last", counts.last_line)?,
        (true, false) => writeln!(f, "no line is done")?,
        (false, finished) => {
            let end = if finished { ", the last" } else { "" };
            writeln!(f, "lines {} to {}{end}", counts.first_line, counts.last_line)?;
        }
    }
    write!(f, "{} {would}replayed, {} rejected", counts.replayed, counts.rejected())?;
    if counts.nothing > 0 {
        write!(f, ", {} become nothing", counts.nothing)?;
    }
    if counts.rejected_before > 0 {
        write!(f, "; {} were rejected before", counts.rejected_before)?;
    }
    writeln!(f)?;
    counts.topics.iter().try_for_each(|(topic, count)| writeln!(f, "{count:>8}  to {}", printable(topic)))?;
    counts.rejected.iter().try_for_each(|(reason, count)| writeln!(f, "{count:>8}  rejected: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> LineCounts {
        LineCounts {
            first_line: 3,
            last_line: 9,
            finished: true,
            replayed: 5,
            nothing: 1,
            rejected: [("not_json".to_owned(), 1)].into(),
            topics: [("justcall.calls".to_owned(), 5), ("a".to_owned(), 2)].into(),
            ..LineCounts::default()
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
        assert_eq!(text(&summary()), expected);
    }

    #[test]
    fn finished_file_is_reported_as_such() {
        let summary = LineCounts { first_line: 10, last_line: 9, finished: true, ..LineCounts::default() };
        assert!(text(&summary).starts_with("nothing is left: line 9 was the last\n0 replayed"));
    }
}
