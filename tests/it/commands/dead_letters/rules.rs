use super::{call, committed, letters_and_marks, place, post, strict_bridge, unknown};
use crate::kit::bridge::Bridge;
use std::collections::HashSet;

fn rejected(bridge: &Bridge) {
    for id in ["call_1", "call_2", "call_3"] {
        post(bridge, &call(id), 422);
    }
    post(bridge, &unknown("fax_1"), 200);
    post(bridge, &unknown("fax_2"), 200);
    post(bridge, b"no JSON of +14155550123", 400);
}

fn id(read: &crate::kit::consume::Read) -> String {
    format!("{}-{}", read.partition, read.offset)
}

#[test]
fn letters_are_counted_listed_and_shown() {
    let bridge = strict_bridge();
    let place = place(&bridge);
    let none = place.run(&["dead-letters", "list", "--json"]).expect_code(0).json();
    assert_eq!((&none["waiting"], &none["groups"]), (&0.into(), &serde_json::json!([])));
    rejected(&bridge);

    let list = place.run(&["dead-letters", "list", "--json"]).expect_code(0).json();
    let count = |at: usize| (list["groups"][at]["reason"].as_str(), list["groups"][at]["waiting"].as_u64());
    assert_eq!(list["waiting"], 6);
    assert_eq!(
        [count(0), count(1), count(2)],
        [(Some("contract_violation"), Some(3)), (Some("not_json"), Some(1)), (Some("unknown_type"), Some(2))]
    );
    let each = place.run(&["dead-letters", "list", "--each", "--reason", "unknown_type"]).expect_code(0);
    assert_eq!(each.stdout.len(), 2, "{each:?}");

    let (letters, marks) = letters_and_marks(&bridge);
    assert_eq!((letters.len(), marks.len()), (6, 0));
    for letter in &letters {
        let raw = place.run(&["dead-letters", "show", &id(letter), "--raw"]).expect_code(0);
        assert_eq!(raw.stdout.join("\n").as_bytes(), letter.value);
        let masked = place.run(&["dead-letters", "show", &id(letter)]).expect_code(0);
        assert!(!masked.text().contains("14155550123"), "{masked:?}");
        assert!(masked.text().contains(letter.header("dlq_reason").unwrap()), "{masked:?}");
        let shown = place.run(&["dead-letters", "show", &id(letter), "--show-personal-data"]).expect_code(0);
        assert!(shown.text().contains(std::str::from_utf8(&letter.value).unwrap()), "{shown:?}");
    }
    let missing = place.run(&["dead-letters", "show", "0-4711"]).expect_code(1);
    assert!(missing.stderr.join("").contains("no dead letter has the id 0-4711"), "{missing:?}");
    assert!(bridge.stop().success());
}

#[test]
fn every_letter_is_replayed_once_after_a_change_of_the_rules() {
    let bridge = strict_bridge();
    rejected(&bridge);
    let place = place(&bridge);
    let (letters, _) = letters_and_marks(&bridge);
    let replay = |args: &[&str]| place.run(&[&["dead-letters", "replay", "--json"], args].concat());

    assert!(replay(&["--all"]).expect_code(2).stderr.join("").contains("--yes"));
    replay(&["--yes"]).expect_code(2);

    let dry = replay(&["--all", "--dry-run"]).expect_code(1).json();
    assert_eq!((&dry["replayed"], &dry["stay"][0]["reason"]), (&5.into(), &"not_json".into()));
    assert_eq!(letters_and_marks(&bridge).1.len(), 0, "a dry run wrote a mark");
    assert!(committed(&bridge.topic("unknown")).is_empty(), "a dry run wrote a record");

    let one = letters.iter().find(|read| read.header("dlq_reason") == Some("contract_violation")).unwrap();
    let first = replay(&[&id(one), "--yes"]).expect_code(0).json();
    assert_eq!(first["topics"], serde_json::json!({ (bridge.topic("call.completed")): 1 }));
    let again = replay(&[&id(one), "--yes"]).expect_code(0).json();
    assert_eq!((&again["replayed"], &again["already_replayed"][0]), (&0.into(), &id(one).into()));
    let faxes = replay(&["--reason", "unknown_type", "--yes"]).expect_code(0).json();
    assert_eq!(faxes["replayed"], 2);
    let rest = replay(&["--all", "--yes"]).expect_code(1).json();
    assert_eq!((&rest["replayed"], rest["stay"].as_array().unwrap().len()), (&2.into(), 1));
    let nothing = replay(&["--all", "--yes"]).expect_code(1).json();
    assert_eq!((&nothing["replayed"], nothing["stay"].as_array().unwrap().len()), (&0.into(), 1));
    replay(&["0-4711", "--yes"]).expect_code(1);

    let (_, marks) = letters_and_marks(&bridge);
    assert_eq!(marks.len(), 5);
    for mark in &marks {
        assert!(mark.key.is_none() && mark.value.is_empty(), "a mark looks like a letter: {mark:?}");
        let marked = letters.iter().find(|letter| mark.header("dlq_replayed") == Some(&id(letter))).unwrap();
        assert_eq!(mark.partition, marked.partition);
    }
    let written = [committed(&bridge.topic("call.completed")), committed(&bridge.topic("unknown"))].concat();
    assert_eq!(written.len(), 5);
    let mut seen = HashSet::new();
    for record in &written {
        let letter = letters.iter().find(|letter| letter.value == record.value).expect("a letter's bytes");
        assert!(seen.insert(letter.offset * 100 + i64::from(letter.partition)), "twice");
        assert_eq!(record.header("ce_id"), letter.header("dlq_event_id"));
        assert_eq!(record.header("ce_time"), Some("2026-03-12T14:30:00Z"));
        assert_eq!(record.header("ce_source"), Some("/justcall/main"));
        assert_eq!(
            record.timestamp_millis, letter.timestamp_millis,
            "the time of receipt is the original one"
        );
        assert!(record.header("justcall-replayed").is_some());
        assert_eq!(record.key.as_deref(), record.header("ce_subject").map(str::as_bytes));
    }
    let list = place.run(&["dead-letters", "list", "--json"]).expect_code(0).json();
    assert_eq!((&list["waiting"], &list["replayed"]), (&1.into(), &5.into()));
    let shown = place.run(&["dead-letters", "show", &id(one), "--json"]).expect_code(0).json();
    assert!(shown["replayed_at"].is_string(), "{shown}");
    assert!(bridge.stop().success());
}

#[test]
fn letter_of_a_removed_source_stays() {
    let bridge = strict_bridge();
    post(&bridge, &call("call_1"), 422);
    let args = ["dead-letters", "replay", "--all", "--yes", "--json"];
    let other = place(&bridge).with("sources.other.path=/other");
    let stays = other.run(&args).expect_code(1).json();
    assert_eq!(stays["stay"][0]["reason"], "unknown_source", "{stays}");
    let again = place(&bridge).run(&args).expect_code(0).json();
    assert_eq!(again["replayed"], 1);
    assert!(bridge.stop().success());
}
