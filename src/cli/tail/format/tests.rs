use super::*;
use crate::record::Headers;
use bytes::Bytes;
use serde_json::json;

const BODY: &[u8] = br#"{"event":"call.missed","data":{"call_id":"call_1","from":"+14155550123"}}"#;

fn record() -> TailedRecord {
    TailedRecord {
        topic: "justcall.calls".into(),
        partition: 2,
        offset: 7,
        timestamp: Some(0),
        key: Some(Bytes::from_static(b"call_1")),
        headers: Headers::builder(99)
            .add("ce_type", "call.missed")
            .add("ce_subject", "call_1")
            .add("caller", "Jordan\u{1b}[2J")
            .build(),
        value: Some(Bytes::from_static(BODY)),
    }
}

#[test]
fn block_says_where_a_record_stands_and_what_it_is() {
    let expected = r#"1970-01-01T00:00:00.000Z  justcall.calls [2] @7  key call_1  call.missed  73 bytes
    ce_type: call.missed
    ce_subject: call_1
    caller: ***
  {"event":"call.missed","data":{"call_id":"call_1","from":"***"}}"#;
    assert_eq!(pretty(&record(), Privacy::Masked), expected);
}

#[test]
fn terminal_is_safe_from_what_is_shown() {
    let text = pretty(&record(), Privacy::Shown);
    assert!(text.contains("+14155550123") && text.contains("Jordan"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn masked_line_says_that_it_is_and_holds_no_value() {
    let line: Value = serde_json::from_str(&line(&record(), Privacy::Masked)).unwrap();
    assert_eq!(line["masked"], true);
    assert_eq!(line["value"], Value::Null);
    assert_eq!(line["body"]["data"], json!({"call_id": "call_1", "from": "***"}));
    assert_eq!(line["headers"]["caller"], "***");
}

#[test]
fn shown_line_is_one_of_an_export() {
    let line: Value = serde_json::from_str(&line(&record(), Privacy::Shown)).unwrap();
    assert_eq!(line["value"], std::str::from_utf8(BODY).unwrap());
    assert_eq!((&line["key"], &line["timestamp"]), (&json!("call_1"), &json!(0)));
}

#[test]
fn mark_without_key_and_value_shows_as_such() {
    let mark = TailedRecord { key: None, value: None, ..record() };
    let text = pretty(&mark, Privacy::Masked);
    assert!(text.contains("no key") && text.contains("0 bytes") && text.lines().count() == 4, "{text}");
}
