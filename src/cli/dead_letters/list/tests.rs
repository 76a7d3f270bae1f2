use super::*;
use crate::app::dead_letters::LetterId;

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
