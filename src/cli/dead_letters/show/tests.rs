use super::*;
use crate::delivery::dead_letter::Kept;
use crate::record::Headers;
use bytes::Bytes;

const BODY: &[u8] = br#"{"event":"sms.sent","data":{"message_id":7,"body":"See you, Jordan"}}"#;

fn letter(value: &'static [u8]) -> Letter {
    let headers = Headers::builder(64)
        .add("dlq_reason", "contract_violation")
        .add("dlq_detail", "/data/message_id: expected a string, found an integer")
        .build();
    let kept = Kept::read(&headers).unwrap();
    Letter { id: LetterId { partition: 0, offset: 42 }, kept, headers, value: Bytes::from_static(value) }
}

#[test]
fn letter_is_shown_without_personal_data() {
    let expected = r#"dead letter 0-42 in dead, 69 bytes
  dlq_reason: contract_violation
  dlq_detail: /data/message_id: expected a string, found an integer
not replayed

{"event":"sms.sent","data":{"message_id":7,"body":"***"}}
"#;
    assert_eq!(pretty("dead", &letter(BODY), None, Privacy::Masked), expected);
}

#[test]
fn non_json_body_is_shown_only_on_request() {
    let letter = letter(b"call Jordan");
    assert!(pretty("dead", &letter, None, Privacy::Masked).contains("(11 bytes that are no JSON)"));
    assert!(pretty("dead", &letter, None, Privacy::Shown).contains("call Jordan"));
}

#[test]
fn json_contains_the_value_only_on_request() {
    let read = |privacy| serde_json::from_str::<Value>(&json(&letter(BODY), Some("then"), privacy)).unwrap();
    let masked = read(Privacy::Masked);
    assert_eq!(
        (&masked["masked"], &masked["body"]["data"]["body"], &masked["replayed_at"]),
        (&Value::from(true), &Value::from("***"), &Value::from("then"))
    );
    assert_eq!(read(Privacy::Shown)["value"], std::str::from_utf8(BODY).unwrap());
}
