use super::*;
use crate::record::Headers;
use bytes::Bytes;
use std::sync::Arc;

fn record(key: Option<&'static [u8]>, value: &'static [u8]) -> Record {
    Record {
        topic: Arc::from("justcall.call.missed"),
        key: key.map(Bytes::from_static),
        headers: Headers::builder(16).add("ce_id", "7").build(),
        value: Bytes::from_static(value),
        timestamp: 1,
    }
}

#[test]
fn line_contains_the_original_value() {
    let line = line(3, &DateTime::UNIX_EPOCH, &record(Some(b"call_1"), b"{\"a\": 1}\n"));
    assert_eq!(
        line,
        json!({
            "row": 3, "topic": "justcall.call.missed", "spooled_at": "1970-01-01T00:00:00.000Z", "timestamp": 1,
            "key": "call_1", "headers": {"ce_id": "7"}, "value": "{\"a\": 1}\n"
        })
    );
}

#[test]
fn binary_bytes_get_a_base64_name() {
    let line = line(3, &DateTime::UNIX_EPOCH, &record(None, b"\xff\xfe"));
    assert_eq!(
        (&line["value"], &line["value_base64"], &line["key"]),
        (&Value::Null, &json!("//4="), &Value::Null)
    );
}
