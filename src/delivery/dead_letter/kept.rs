//! Dead letters in their topic, and marks of those that were replayed.
//!
//! Records in Kafka do not change, so a replayed dead letter stays. Its mark is a record of the same
//! partition without key, value and `dlq_reason`, which every dead letter has.

use crate::record::Headers;
use crate::record::names::{
    DLQ_DETAIL, DLQ_EVENT_ID, DLQ_REASON, DLQ_RECEIVED_AT, DLQ_REPLAYED, DLQ_REPLAYED_AT, DLQ_SOURCE,
    DLQ_TOPIC,
};
use chrono::{DateTime, SecondsFormat, Utc};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub reason: String,
    pub detail: String,
    pub source: String,
    /// `None`: not readable.
    pub received_at: Option<DateTime<Utc>>,
    pub event_id: String,
    /// Topic for which Kafka refused the record, if any. The event's other topics have the record.
    pub refused_for: Option<String>,
}

impl Kept {
    /// Returns `None` unless the record is a dead letter.
    pub(crate) fn read(headers: &Headers) -> Option<Self> {
        let text = |name| headers.get(name).map(|value| String::from_utf8_lossy(value).into_owned());
        let received_at = text(DLQ_RECEIVED_AT).and_then(|time| DateTime::parse_from_rfc3339(&time).ok());
        Some(Self {
            reason: text(DLQ_REASON)?,
            detail: text(DLQ_DETAIL).unwrap_or_default(),
            source: text(DLQ_SOURCE).unwrap_or_default(),
            received_at: received_at.map(|time| time.to_utc()),
            event_id: text(DLQ_EVENT_ID).unwrap_or_default(),
            refused_for: text(DLQ_TOPIC),
        })
    }
}

/// Returns the headers of a mark: the dead letter at this offset was replayed.
pub(crate) fn replayed(partition: i32, offset: i64, at: DateTime<Utc>) -> Headers {
    Headers::builder(128)
        .add(DLQ_REPLAYED, format!("{partition}-{offset}"))
        .add(DLQ_REPLAYED_AT, at.to_rfc3339_opts(SecondsFormat::Millis, true))
        .build()
}

/// Returns the dead letter that a mark names, and the time of the replay. `None`: not a mark.
pub(crate) fn replayed_of(headers: &Headers) -> Option<((i32, i64), String)> {
    if headers.get(DLQ_REASON).is_some() {
        return None;
    }
    let text = std::str::from_utf8(headers.get(DLQ_REPLAYED)?).ok()?;
    let (partition, offset) = text.split_once('-')?;
    let at = String::from_utf8_lossy(headers.get(DLQ_REPLAYED_AT).unwrap_or_default()).into_owned();
    Some(((partition.parse().ok()?, offset.parse().ok()?), at))
}

#[cfg(test)]
mod tests {
    use super::super::{DeadLetter, of_refused};
    use super::*;
    use crate::delivery::RecordFailure;
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
        let kept =
            Kept::read(&of_refused(&Arc::from("dead"), &record, RecordFailure::TooLarge).headers).unwrap();
        assert_eq!((kept.refused_for.as_deref(), &*kept.source), (Some("calls"), "main"));
    }
}
