use super::*;

fn id(offset: i64) -> LetterId {
    LetterId { partition: 0, offset }
}

fn summary(dry_run: bool) -> Summary {
    let mut summary = Summary { dry_run, already: vec![id(9)], ..Summary::default() };
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
    assert!(!Summary { unknown: vec![id(1)], ..Summary::default() }.is_complete());
    assert!(Summary { already: vec![id(1)], ..Summary::default() }.is_complete());
}
