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
fn block_shows_position_and_type_of_a_record() {
    let expected = r#"1970-01-01T00:00:00.000Z  justcall.calls [2] @7  key call_1  call.missed  73 bytes
    ce_type: call.missed
    ce_subject: call_1
    caller: ***
  {"event":"call.missed","data":{"call_id":"call_1","from":"***"}}"#;
    assert_eq!(pretty(&record(), Privacy::Masked), expected);
}

#[test]
fn shown_text_cannot_control_the_terminal() {
    let text = pretty(&record(), Privacy::Shown);
    assert!(text.contains("+14155550123") && text.contains("Jordan"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn masked_line_is_marked_and_has_no_value() {
    let line: Value = serde_json::from_str(&line(&record(), Privacy::Masked)).unwrap();
    assert_eq!(line["masked"], true);
    assert_eq!(line["value"], Value::Null);
    assert_eq!(line["body"]["data"], json!({"call_id": "call_1", "from": "***"}));
    assert_eq!(line["headers"]["caller"], "***");
}

#[test]
fn unmasked_line_equals_the_export() {
    let line: Value = serde_json::from_str(&line(&record(), Privacy::Shown)).unwrap();
    assert_eq!(line["value"], std::str::from_utf8(BODY).unwrap());
    assert_eq!((&line["key"], &line["timestamp"]), (&json!("call_1"), &json!(0)));
}

#[test]
fn record_without_key_and_value_is_shown_as_such() {
    let mark = TailedRecord { key: None, value: None, ..record() };
    let text = pretty(&mark, Privacy::Masked);
    assert!(text.contains("no key") && text.contains("0 bytes") && text.lines().count() == 4, "{text}");
}
