use super::*;
use crate::record::Headers;
use bytes::Bytes;
use std::sync::Arc;

fn record(bytes: usize) -> Record {
    Record {
        topic: Arc::from("t"),
        key: None,
        headers: Headers::default(),
        value: Bytes::from(vec![0; bytes]),
        timestamp: 0,
    }
}

fn id(offset: i64) -> LetterId {
    LetterId { partition: 0, offset }
}

#[test]
fn batch_is_full_by_number_or_by_bytes() {
    let mut many = LetterBatch::default();
    for offset in 0..MAX_BATCH_LETTERS as i64 {
        assert!(!many.is_full());
        many.add(id(offset), vec![record(1)]);
    }
    assert!(many.is_full());
    let mut large = LetterBatch::default();
    large.add(id(0), vec![record(MAX_BATCH_BYTES / 2), record(MAX_BATCH_BYTES / 2)]);
    assert!(large.is_full());
}

#[test]
fn singles_keep_the_order_of_the_batch() {
    let mut batch = LetterBatch::default();
    for offset in 0..3 {
        batch.add(id(offset), vec![record(1)]);
    }
    let ids: Vec<_> =
        batch.singles().map(|single| (single.letters.len(), single.letters[0].0.offset)).collect();
    assert_eq!(ids, [(1, 0), (1, 1), (1, 2)]);
}

#[test]
fn event_refused_for_one_topic_is_written_only_there_if_a_route_names_it() {
    let to = |topic: &str| Record { topic: Arc::from(topic), ..record(1) };
    let topics = |refused_for| {
        let left = missing_records(vec![to("a"), to("b")], refused_for);
        left.iter().map(|record| record.topic.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(topics(Some("b")), ["b"]);
    assert_eq!(topics(Some("c")), ["a", "b"]);
    assert_eq!(topics(None), ["a", "b"]);
}
