//! `dead-letters list`.

use super::open;
use crate::cli::{Failure, SettingsArgs, printed, spool};
use crate::replay::dead_letters::{LetterGroups, LetterSummary, groups};
use crate::terminal::{self, printable};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::io::Write;

pub(super) fn run(
    settings: SettingsArgs,
    reasons: &[String],
    each: bool,
    as_json: bool,
) -> Result<(), Failure> {
    let letters = open(settings)?;
    let index = letters.index()?;
    if !index.is_found() {
        terminal::note(&format!(
            "topic {} does not exist, or the Kafka user lacks the right Describe on it",
            letters.topic()
        ));
    }
    let chosen = || index.with_reasons(reasons);
    let mut out = terminal::stdout();
    let written = match (each, as_json) {
        (false, false) => {
            write!(out, "{}", table(&header(letters.topic(), chosen()), &groups(chosen())))
        }
        (false, true) => writeln!(out, "{:#}", summary(letters.topic(), chosen())),
        (true, false) => lines(chosen()).try_for_each(|line| writeln!(out, "{line}")),
        (true, true) => chosen().try_for_each(|entry| writeln!(out, "{}", json_of(entry))),
    };
    printed(written.and_then(|()| out.flush()))
}

fn header<'a>(topic: &str, entries: impl Iterator<Item = &'a LetterSummary>) -> String {
    let (replayed, waiting): (Vec<_>, Vec<_>) = entries.partition(|entry| entry.replayed.is_some());
    format!("{topic}: {} wait, {} were replayed", waiting.len(), replayed.len())
}

fn table(header: &str, groups: &LetterGroups<'_>) -> String {
    let time = |time: Option<DateTime<Utc>>| time.map_or("-".into(), spool::time);
    let mut rows = vec![["reason", "source", "waiting", "replayed", "oldest", "newest"].map(str::to_owned)];
    for ((reason, source), group) in groups {
        rows.push([
            printable(reason).into_owned(),
            printable(source).into_owned(),
            group.waiting.to_string(),
            group.replayed.to_string(),
            time(group.oldest),
            time(group.newest),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2), width(3), width(4)];
    let line = |[reason, source, waiting, replayed, oldest, newest]: &[String; 6]| {
        let [a, b, c, d, e] = widths;
        format!("{reason:<a$}  {source:<b$}  {waiting:>c$}  {replayed:>d$}  {oldest:<e$}  {newest}\n")
    };
    let lines = if groups.is_empty() { String::new() } else { rows.iter().map(line).collect() };
    format!("{header}\n{lines}")
}

fn summary<'a>(topic: &str, entries: impl Iterator<Item = &'a LetterSummary>) -> Value {
    let groups = groups(entries);
    let (waiting, replayed) = groups
        .values()
        .fold((0, 0), |(waiting, replayed), group| (waiting + group.waiting, replayed + group.replayed));
    let groups: Vec<Value> = groups
        .iter()
        .map(|((reason, source), group)| {
            json!({
                "reason": reason, "source": source, "waiting": group.waiting, "replayed": group.replayed,
                "oldest": group.oldest.map(spool::time), "newest": group.newest.map(spool::time),
            })
        })
        .collect();
    json!({"topic": topic, "waiting": waiting, "replayed": replayed, "groups": groups})
}

fn lines<'a>(entries: impl Iterator<Item = &'a LetterSummary>) -> impl Iterator<Item = String> {
    entries.map(|entry| {
        let received = entry.received_at.map_or("-".into(), spool::time);
        let replayed = match &entry.replayed {
            Some(at) => format!("replayed {at}"),
            None => "waits".into(),
        };
        let line = format!(
            "{}  {received}  {}  {}  {} bytes  {replayed}  {}",
            entry.id, entry.reason, entry.source, entry.size, entry.detail
        );
        printable(&line).into_owned()
    })
}

fn json_of(entry: &LetterSummary) -> Value {
    json!({
        "id": entry.id.to_string(),
        "reason": &*entry.reason,
        "detail": &*entry.detail,
        "source": &*entry.source,
        "received_at": entry.received_at.map(spool::time),
        "size": entry.size,
        "replayed_at": entry.replayed.as_deref(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::dead_letters::LetterId;

    fn entry(offset: i64, reason: &str, source: &str, millis: i64, replayed: bool) -> LetterSummary {
        LetterSummary {
            id: LetterId { partition: 1, offset },
            reason: reason.into(),
            detail: "the body is not JSON".into(),
            source: source.into(),
            received_at: DateTime::from_timestamp_millis(millis),
            size: 9,
            replayed: replayed.then(|| "2026-01-02T03:04:05.000Z".into()),
        }
    }

    fn entries() -> [LetterSummary; 4] {
        [
            entry(0, "not_json", "main", 5000, false),
            entry(1, "not_json", "main", 1000, true),
            entry(2, "not_json", "main", 3000, false),
            entry(3, "unknown_type", "sales", 2000, true),
        ]
    }

    #[test]
    fn groups_count_waiting_letters_with_their_times() {
        let entries = entries();
        let expected = "\
dead: 2 wait, 2 were replayed
reason        source  waiting  replayed  oldest                    newest
not_json      main          2         1  1970-01-01T00:00:03.000Z  1970-01-01T00:00:05.000Z
unknown_type  sales         0         1  -                         -
";
        assert_eq!(table(&header("dead", entries.iter()), &groups(entries.iter())), expected);
    }

    #[test]
    fn json_summary_has_the_same_counts() {
        let entries = entries();
        let summary = summary("dead", entries.iter());
        assert_eq!((&summary["waiting"], &summary["replayed"]), (&json!(2), &json!(2)));
        assert_eq!(summary["groups"][0]["oldest"], "1970-01-01T00:00:03.000Z");
        assert_eq!(summary["groups"][1]["oldest"], Value::Null);
    }

    #[test]
    fn letter_line_begins_with_id_and_ends_with_detail() {
        let lines: Vec<_> = lines(entries().iter()).collect();
        let expected = "1-0  1970-01-01T00:00:05.000Z  not_json  main  9 bytes  waits  the body is not JSON";
        assert_eq!(lines[0], expected);
        assert!(lines[1].contains("replayed 2026-01-02T03:04:05.000Z"), "{}", lines[1]);
    }
}
