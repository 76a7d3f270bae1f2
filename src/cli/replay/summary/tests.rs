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
