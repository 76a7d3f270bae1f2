use super::*;
use crate::delivery::dead_letter;
use crate::record::Headers;
use bytes::Bytes;

fn record(partition: i32, offset: i64, headers: Headers) -> TailedRecord {
    TailedRecord {
        topic: "dead".into(),
        partition,
        offset,
        timestamp: Some(0),
        key: None,
        headers,
        value: Some(Bytes::from_static(b"{}")),
    }
}

fn letter(partition: i32, offset: i64) -> TailedRecord {
    let headers = Headers::builder(64).add("dlq_reason", "not_json").add("dlq_source", "main").build();
    record(partition, offset, headers)
}

#[test]
fn mark_applies_only_to_the_dead_letter_it_names() {
    let mut index = LetterIndex::default();
    let mark = dead_letter::replayed(1, 7, DateTime::UNIX_EPOCH);
    for record in [letter(0, 7), letter(1, 7), letter(1, 8), record(1, 9, mark)] {
        index.add(&record);
    }
    let replayed: Vec<_> =
        index.entries().iter().map(|entry| (entry.id.to_string(), entry.replayed.is_some())).collect();
    let expected = [("0-7", false), ("1-7", true), ("1-8", false)].map(|(id, is)| (id.to_owned(), is));
    assert_eq!(replayed, expected);
}

#[test]
fn other_records_are_ignored() {
    let mut index = LetterIndex::default();
    index.add(&record(0, 0, Headers::builder(16).add("ce_id", "7").build()));
    index.add(&record(0, 1, dead_letter::replayed(5, 5, DateTime::UNIX_EPOCH)));
    assert!(index.entries().is_empty());
    assert_eq!(index.get(LetterId { partition: 0, offset: 0 }), None);
}

#[test]
fn id_parses_as_displayed() {
    let id = LetterId { partition: 3, offset: 70 };
    assert_eq!(id.to_string().parse(), Ok(id));
    for wrong in ["", "3", "3-", "-3-1", "3--1", "a-1", "3-1-1"] {
        assert!(wrong.parse::<LetterId>().is_err(), "{wrong}");
    }
}
