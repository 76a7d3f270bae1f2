use super::*;
use crate::{Dialect, Field, samples};
use serde_json::Value;
use std::borrow::Cow;

#[test]
fn exactly_the_documented_types_have_a_table_that_begins_with_the_identity() {
    for known in KnownType::ALL {
        let fields = known.documented_fields();
        assert_eq!(fields.is_some(), known.is_listed_in(Dialect::Documented), "{known}");
        let identities = fields.unwrap_or_default().iter().map(Field::is_identity);
        assert!(identities.enumerate().all(|(at, is_identity)| is_identity == (at == 0)), "{known}");
    }
}

#[test]
fn a_sample_read_and_written_is_the_same_json() {
    for (known, body) in samples(Dialect::Documented) {
        let event = Documented::from_slice(body.as_bytes()).unwrap();
        assert_eq!(event.data.event_type(), known);
        let written: Value = serde_json::to_value(&event).unwrap();
        assert_eq!(written, serde_json::from_str::<Value>(body).unwrap(), "{known}");
    }
}

#[test]
fn strings_borrow_from_the_body_even_where_they_are_optional() {
    let body = r#"{"data":{"call_id":"c1","status":"missed","from":"a\/b"},"event":"call.missed"}"#;
    let event = Documented::from_slice(body.as_bytes()).unwrap();
    let DocumentedData::CallMissed(call) = event.data else { panic!("not a missed call") };
    assert!(matches!(call.call_id.into_cow(), Cow::Borrowed("c1")));
    assert!(matches!(call.status.unwrap().into_cow(), Cow::Borrowed("missed")));
    assert_eq!(call.from.unwrap(), "a/b");
    assert_eq!((event.timestamp, call.to), (None, None));
}

#[test]
fn another_type_or_dialect_is_an_error() {
    for body in [
        r#"{"event":"call.incoming","data":{"call_id":"c1"}}"#,
        r#"{"event":"call.missed","data":{}}"#,
        r#"{"event":"call.missed","data":{"call_id":"c1","ring_duration":-1}}"#,
        r#"{"type":"call.missed","data":{"call_id":"c1"}}"#,
        "[]",
    ] {
        assert!(Documented::from_slice(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn a_field_whose_name_is_no_text_is_passed_over() {
    let half = r#""\ud800":1"#;
    let body = format!(r#"{{{half},"event":"call.missed","data":{{{half},"call_id":"c1","from":"a"}}}}"#);
    let event = Documented::from_slice(body.as_bytes()).unwrap();
    let DocumentedData::CallMissed(call) = event.data else { panic!("not a missed call") };
    assert_eq!((call.call_id, call.from), ("c1".into(), Some("a".into())));
    let wrong = r#"{"event":"call.missed","data":{"call_id":"c1",
"ring_duration":"1"}}"#;
    assert_eq!(Documented::from_slice(wrong.as_bytes()).unwrap_err().line(), 2);
}
