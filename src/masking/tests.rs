use super::*;
use justcall_events::{Dialect, Kind, KnownType, samples};
use proptest::prelude::*;
use serde_json::{Value, json};

const NEEDLE: &str = "qz9vx7kw3jp";

fn masked(body: &Value) -> String {
    super::body(body.to_string().as_bytes()).expect("JSON")
}

#[test]
fn useful_fields_are_shown_and_personal_data_is_masked() {
    let body = br#"{"event":"call.completed","timestamp":"2026-03-12T14:30:00Z","data":{"call_id":"call_1","direction":"inbound","from":"+14155559876","agent_id":42,"agent_name":"Jordan Lee","duration":185,"status":"completed","recording_url":"https://x.example/a.mp3","notes":"","sentiment":"glad","contact":{"id":"jordan"}}}"#;
    assert_eq!(
        super::body(body).as_deref(),
        Some(
            r#"{"event":"call.completed","timestamp":"2026-03-12T14:30:00Z","data":{"call_id":"call_1","direction":"inbound","from":"***","agent_id":42,"agent_name":"***","duration":185,"status":"completed","recording_url":"***","notes":"","***":"***","***":{"***":"***"}}}"#
        )
    );
}

#[test]
fn personal_kinds_are_masked_in_every_event() {
    for known in KnownType::ALL {
        for field in known.documented_fields().unwrap_or_default() {
            let value = match field.kind {
                Kind::Phone | Kind::Url | Kind::Text => format!("{NEEDLE} x"),
                Kind::Texts => NEEDLE.to_owned(),
                _ => continue,
            };
            let value = if field.kind == Kind::Texts { json!([value]) } else { json!(value) };
            let text = masked(&json!({"event": known.name(), "data": {field.name: value}}));
            assert!(!text.contains(NEEDLE), "{known} {}: {text}", field.name);
            assert!(text.contains(field.name), "the name of {} is nobody's: {text}", field.name);
        }
    }
}

#[test]
fn samples_show_ids_but_no_phone_numbers() {
    for (known, body) in [Dialect::Documented, Dialect::Live].into_iter().flat_map(samples) {
        let text = super::body(body.as_bytes()).expect("JSON");
        assert!(text.contains(known.name()), "{text}");
        assert!(!text.contains("555") && !text.contains('@') && !text.contains("http"), "{text}");
    }
}

#[test]
fn long_numbers_are_masked_unless_they_are_ids() {
    let text =
        masked(&json!({"data": {"contact_number": 14155550123_u64, "id": 14155550124_u64, "ring_time": 3}}));
    assert_eq!(text, r#"{"data":{"contact_number":"***","id":14155550124,"ring_time":3}}"#);
}

#[test]
fn content_of_unknown_fields_is_masked() {
    let body =
        json!({"type": "call.completed", "metadata": {"id": NEEDLE, NEEDLE: [NEEDLE, {"status": NEEDLE}]}});
    assert!(!masked(&body).contains(NEEDLE));
    assert!(!masked(&json!([NEEDLE])).contains(NEEDLE));
    assert!(!masked(&json!(NEEDLE)).contains(NEEDLE));
}

#[test]
fn deeply_nested_values_are_masked() {
    let deep = format!("{}\"{NEEDLE}\"{}", "[".repeat(100), "]".repeat(100));
    assert!(!super::body(deep.as_bytes()).expect("JSON").contains(NEEDLE));
    assert_eq!(super::body(b"no JSON"), None);
}

#[test]
fn key_is_shown_only_if_it_is_the_entity_id() {
    assert_eq!(key("call_1", Some("call_1")), "call_1");
    assert_eq!(key("Jordan", Some("call_1")), MASK);
    assert_eq!(key("call_1", None), MASK);
    assert_eq!(key("+14155550123", Some("+14155550123")), MASK);
    assert_eq!(key("14155550123", Some("14155550123")), MASK);
}

#[test]
fn route_headers_and_phone_numbers_in_headers_are_masked() {
    assert_eq!(header("ce_type", "call.completed"), "call.completed");
    assert_eq!(header("ce_time", "2026-03-12T14:30:00Z"), "2026-03-12T14:30:00Z");
    assert_eq!(header("ce_source", "/justcall/main"), "/justcall/main");
    assert_eq!(header("dlq_replayed", "3-1234567890"), "3-1234567890");
    for (name, value) in [
        ("caller", "Jordan"),
        ("ce_subject", "+14155550123"),
        ("ce_subject", "14155550123"),
        ("ce_time", "+1 415 555 0123"),
        ("dlq_detail", "of +1 415 555 0123"),
        ("ce_type", "Jordan Lee"),
        ("content-type", "application/jordan"),
    ] {
        assert_eq!(header(name, value), MASK, "{name}: {value}");
    }
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("data"),
        Just("event"),
        Just("id"),
        Just("status"),
        Just("type"),
        Just("timestamp"),
        Just("call_info"),
        Just("metadata"),
        Just("changed_fields"),
        Just("from"),
        Just("notes"),
        Just("agent_name"),
        Just("queue"),
        Just("mms"),
        Just("x"),
        Just("qz9vx7kw3jp name"),
    ]
    .prop_map(str::to_owned)
}

/// Every string is personal data.
fn somebodys() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(format!("{NEEDLE} {NEEDLE}"))),
        Just(json!(format!("{NEEDLE}@example.com"))),
        Just(json!(format!("https://x.example/{NEEDLE}"))),
        Just(json!("+91374608123")),
        Just(json!("91374608123")),
        Just(json!("913 74608 123")),
        Just(json!(7)),
        Just(Value::Null),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(name(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn personal_data_never_passes(body in somebodys()) {
        let text = masked(&body);
        prop_assert!(!text.contains(NEEDLE) && !text.contains("9137"), "{body} became {text}");
        let read: Result<Value, _> = serde_json::from_str(&text);
        prop_assert!(read.is_ok(), "no JSON: {text}");
    }
}
