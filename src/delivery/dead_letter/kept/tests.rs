use super::super::{DeadLetter, of_refused};
use super::*;
use crate::delivery::Failure;
use crate::record::Record;
use bytes::Bytes;
use justcall_events::{BodyHash, EventId};
use std::sync::Arc;

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_790_000_000_123).unwrap()
}

#[test]
fn dead_letter_reads_as_it_was_written() {
    let id = EventId::from_hash(&BodyHash::of(b"body"));
    let letter = DeadLetter {
        trace: None,
        topic: &Arc::from("dead"),
        source: "main",
        id: &id,
        reason: "not_json",
        detail: "the body is not JSON".into(),
        received_at: at(),
    };
    let headers = letter.record(Bytes::from_static(b"body")).headers;
    let expected = Kept {
        reason: "not_json".into(),
        detail: "the body is not JSON".into(),
        source: "main".into(),
        received_at: Some(at()),
        event_id: id.as_str().into(),
        refused_for: None,
    };
    assert_eq!(Kept::read(&headers), Some(expected));
    assert_eq!(replayed_of(&headers), None, "a dead letter passes for a mark");
}

#[test]
fn mark_names_its_letter_and_is_none_itself() {
    let mark = replayed(3, 70, at());
    assert_eq!(replayed_of(&mark), Some(((3, 70), "2026-09-21T14:13:20.123Z".into())));
    assert_eq!(Kept::read(&mark), None, "a mark passes for a dead letter");
}

#[test]
fn dead_letter_is_not_marked_by_its_own_headers() {
    let forged = Headers::builder(64).add(DLQ_REASON, "not_json").extend(&replayed(3, 70, at())).build();
    assert_eq!(replayed_of(&forged), None);
}

#[test]
fn letter_that_kafka_refused_names_the_topic_that_lacks_it() {
    let record = Record {
        topic: Arc::from("calls"),
        key: None,
        headers: Headers::builder(64).add("ce_id", "7").add("ce_source", "/justcall/main").build(),
        value: Bytes::from_static(b"{}"),
        timestamp: 0,
    };
    let kept = Kept::read(&of_refused(&Arc::from("dead"), &record, Failure::TooLarge).headers).unwrap();
    assert_eq!((kept.refused_for.as_deref(), &*kept.source), (Some("calls"), "main"));
}
