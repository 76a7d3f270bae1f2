use super::*;
use Validation::{Documented as Plain, Strict, Tolerant};

/// Independent copy of the reference.
const REFERENCE: &[(&str, &[(&str, &str)])] = &[
    (
        "call.completed",
        &[
            ("call_id", ID),
            ("direction", STRING),
            ("from", STRING),
            ("to", STRING),
            ("agent_id", INTEGER),
            ("agent_name", STRING),
            ("duration", COUNT),
            ("status", STRING),
            ("recording_url", STRING),
            ("notes", STRING),
            ("disposition", STRING),
        ],
    ),
    (
        "call.missed",
        &[
            ("call_id", ID),
            ("direction", STRING),
            ("from", STRING),
            ("to", STRING),
            ("ring_duration", COUNT),
            ("status", STRING),
            ("agent_id", INTEGER),
        ],
    ),
    (
        "call.answered",
        &[
            ("call_id", ID),
            ("direction", STRING),
            ("from", STRING),
            ("to", STRING),
            ("agent_id", INTEGER),
            ("agent_name", STRING),
            ("status", STRING),
        ],
    ),
    (
        "sms.received",
        &[
            ("message_id", ID),
            ("direction", STRING),
            ("from", STRING),
            ("to", STRING),
            ("body", STRING),
            ("media_url", STRING),
        ],
    ),
    (
        "sms.sent",
        &[
            ("message_id", ID),
            ("direction", STRING),
            ("from", STRING),
            ("to", STRING),
            ("body", STRING),
            ("agent_id", INTEGER),
            ("media_url", STRING),
        ],
    ),
    (
        "sms.delivered",
        &[
            ("message_id", ID),
            ("direction", STRING),
            ("from", STRING),
            ("to", STRING),
            ("status", STRING),
            ("delivered_at", STRING),
        ],
    ),
    (
        "voicemail.received",
        &[
            ("call_id", ID),
            ("from", STRING),
            ("to", STRING),
            ("agent_id", INTEGER),
            ("duration", COUNT),
            ("recording_url", STRING),
            ("transcription", STRING),
        ],
    ),
    (
        "contact.created",
        &[
            ("contact_id", CONTACT_ID),
            ("first_name", STRING),
            ("last_name", STRING),
            ("phone", STRING),
            ("email", STRING),
            ("company", STRING),
            ("source", STRING),
        ],
    ),
    (
        "contact.updated",
        &[
            ("contact_id", CONTACT_ID),
            ("changed_fields", STRINGS),
            ("first_name", STRING),
            ("last_name", STRING),
            ("phone", STRING),
            ("email", STRING),
            ("company", STRING),
            ("source", STRING),
        ],
    ),
];

const ID: &str = "a non-empty string of at most 256 bytes without control characters";
const CONTACT_ID: &str = "a positive integer or its decimal string";
const STRING: &str = "a string";
const COUNT: &str = "a non-negative integer";
const INTEGER: &str = "an integer";
const STRINGS: &str = "an array of strings";

/// Raw JSON of every type, with the kinds that accept it.
const VALUES: &[(&str, &str, &[&str])] = &[
    ("true", "boolean", &[]),
    ("{}", "object", &[]),
    (r#"["a","b"]"#, "array", &[STRINGS]),
    ("[]", "array", &[STRINGS]),
    (r#""text""#, "string", &[ID, STRING]),
    (r#""""#, "string", &[STRING]),
    (r#""42""#, "string", &[ID, STRING, CONTACT_ID]),
    (r#""042""#, "string", &[ID, STRING]),
    (r#""\ud83d\ude00""#, "string", &[ID, STRING]),
    (r#""\ud83d""#, "string", &[]),
    ("42", "number", &[CONTACT_ID, COUNT, INTEGER]),
    ("0", "number", &[COUNT, INTEGER]),
    ("-1", "number", &[INTEGER]),
    ("-0", "number", &[]),
    ("42.0", "number", &[]),
    ("1e2", "number", &[]),
    ("1e400", "number", &[]),
    ("18446744073709551615", "number", &[CONTACT_ID, COUNT]),
    ("1000000000000000000000000000000", "number", &[]),
];

fn fields() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    REFERENCE.iter().flat_map(|(name, fields)| fields.iter().map(|(field, kind)| (*name, *field, *kind)))
}

/// Puts a valid identity before the field.
fn with_raw(name: &str, field: &str, raw: &str) -> String {
    let known = KnownType::from_name(name).unwrap();
    let identity = known.documented_fields().unwrap()[0].name;
    if identity == field {
        documented(name, &format!(r#"{{"{field}":{raw}}}"#))
    } else {
        documented(name, &format!(r#"{{"{identity}":"7","{field}":{raw}}}"#))
    }
}

#[test]
fn tables_have_the_fields_of_the_reference() {
    for (name, expected) in REFERENCE {
        let table = KnownType::from_name(name).unwrap().documented_fields().unwrap();
        let names: Vec<_> = table.iter().map(|field| field.name).collect();
        assert_eq!(names, expected.iter().map(|(field, _)| *field).collect::<Vec<_>>(), "{name}");
        assert!(table.iter().all(|field| field.pointer.strip_prefix("/data/") == Some(field.name)), "{name}");
    }
    assert_eq!(REFERENCE.len(), 9);
}

#[test]
fn each_documented_field_accepts_its_type_and_reports_any_other() {
    for (name, field, kind) in fields() {
        for (raw, json_type, fits) in VALUES {
            let body = with_raw(name, field, raw);
            if fits.contains(&kind) {
                assert!(validate(&body, Plain).is_ok(), "{body}");
            } else {
                let expected = format!("/data/{field}: expected {kind}, found {json_type}");
                assert_eq!(violation(&body, Plain), expected, "{body}");
            }
        }
    }
}

#[test]
fn accepted_events_are_those_that_the_typed_structs_read() {
    for (name, field, _) in fields() {
        for raw in VALUES.iter().map(|(raw, ..)| *raw).filter(|raw| *raw != r#""""#).chain(["null"]) {
            let body = with_raw(name, field, raw);
            let (passes, reads) =
                (validate(&body, Plain).is_ok(), Documented::from_slice(body.as_bytes()).is_ok());
            assert_eq!(passes, reads, "{body}");
        }
    }
}

#[test]
fn any_field_but_the_identity_may_be_null_or_missing() {
    for (name, field, kind) in fields() {
        let body = with_raw(name, field, "null");
        let result = validate(&body, Plain).map(|event| event.violations);
        match kind {
            ID | CONTACT_ID => assert_eq!(result.unwrap_err().found, JsonType::Null, "{name} {field}"),
            _ => assert_eq!(result, Ok(0), "{name} {field}"),
        }
    }
    for (name, fields) in REFERENCE {
        let (identity, expected) = fields[0];
        let pointed = format!("/data/{identity}: expected {expected}, found missing");
        for validation in [Plain, Tolerant, Strict] {
            assert_eq!(violation(&documented(name, "{}"), validation), pointed);
        }
    }
}

#[test]
fn unknown_fields_may_repeat_and_have_any_value() {
    let data = r#"{"x":1e400,"call_id":"c1","x":{"call_id":2},"\ud800":[],"Call_id":3,"id":{}}"#;
    let body = documented("call.completed", data);
    assert_eq!(validate(&body, Plain).unwrap().entity_id.as_deref(), Some("c1"));
}

#[test]
fn item_that_is_not_a_string_is_reported_by_its_index() {
    let body = with_field("contact.updated", "changed_fields", json!(["phone", 5, null]));
    assert_eq!(violation(&body, Plain), "/data/changed_fields/1: expected a string, found number");
    assert_eq!(validate(&body, Tolerant).unwrap().violations, 1);
}

#[test]
fn repeated_field_is_a_violation_and_repeated_identity_is_always_rejected() {
    let twice = documented("call.missed", r#"{"call_id":"c1","status":"missed","status":null}"#);
    assert_eq!(violation(&twice, Plain), "/data/status: expected the field only once, found null");
    assert_eq!(validate(&twice, Tolerant).unwrap().violations, 1);
    let identity = documented("call.missed", r#"{"call_id":"c1","call\u005fid":"c1"}"#);
    for validation in [Plain, Tolerant, Strict] {
        let expected = "/data/call_id: expected the field only once, found string";
        assert_eq!(violation(&identity, validation), expected);
    }
}

#[test]
fn violations_are_ordered_by_envelope_then_document_then_missing_fields() {
    let data = r#"{"status":1,"duration":"x"}"#;
    let body = documented("call.completed", data);
    assert_eq!(violation(&body, Plain), "/data/status: expected a string, found number");
    let late_timestamp = format!(r#"{{"data":{data},"event":"call.completed","timestamp":5}}"#);
    assert_eq!(violation(&late_timestamp, Plain), "/timestamp: expected an RFC 3339 timestamp, found number");
    let nothing_wrong_there = documented("call.completed", r#"{"status":"x"}"#);
    assert!(violation(&nothing_wrong_there, Strict).starts_with("/data/call_id: "));
}

#[test]
fn tolerant_counts_violations_but_requires_an_identity() {
    let data = r#"{"call_id":"c1","status":1,"duration":-5,"agent_id":"x","from":null}"#;
    let body = documented("call.completed", data).replace("2026", "last year");
    let event = validate(&body, Tolerant).unwrap();
    assert_eq!((event.violations, event.time), (4, None));
    for id in ["null", r#""""#, "{}", "true", "1.5", r#""\ud800""#] {
        let body = documented("call.completed", &format!(r#"{{"status":1,"call_id":{id}}}"#));
        assert!(violation(&body, Tolerant).starts_with("/data/call_id: "), "{body}");
    }
}

#[test]
fn tolerated_identity_may_be_a_number_or_a_string() {
    for (name, field, raw, id) in [
        ("call.completed", "call_id", "123", "123"),
        ("sms.sent", "message_id", "-5", "-5"),
        ("contact.created", "contact_id", r#""abc""#, "abc"),
        ("contact.created", "contact_id", r#""007""#, "007"),
        ("contact.created", "contact_id", "0", "0"),
    ] {
        let body = with_raw(name, field, raw);
        let event = validate(&body, Tolerant).unwrap();
        assert_eq!((event.entity_id.as_deref(), event.violations), (Some(id), 1), "{body}");
        assert!(validate(&body, Plain).is_err(), "{body}");
    }
}

#[test]
fn timestamp_is_required_and_unchanged() {
    let body = |timestamp: &str| format!(r#"{{"event":"call.missed",{timestamp}"data":{{"call_id":"c1"}}}}"#);
    for (timestamp, found) in [
        ("", "missing"),
        (r#""timestamp":null,"#, "null"),
        (r#""timestamp":1773325800,"#, "number"),
        (r#""timestamp":"2026-03-12","#, "string"),
        (r#""timestamp":"2026-03-12T14:30:00","#, "string"),
        (r#""timestamp":"\ud800","#, "string"),
    ] {
        let body = body(timestamp);
        assert_eq!(
            violation(&body, Plain),
            format!("/timestamp: expected an RFC 3339 timestamp, found {found}")
        );
        let tolerated = validate(&body, Tolerant).unwrap();
        assert_eq!((tolerated.time, tolerated.violations), (None, 1), "{body}");
    }
    let offset = body(r#""timestamp":"2026-03-12T20:00:00.5+05:30","#);
    let event = validate(&offset, Plain).unwrap();
    assert!(matches!(event.time, Some(Cow::Borrowed("2026-03-12T20:00:00.5+05:30"))));
    assert_eq!(violation(&offset, Strict), "/timestamp: expected an RFC 3339 timestamp in UTC, found string");
}

#[test]
fn strict_requires_the_fields_of_the_reference_and_its_nulls() {
    let nullable = [("call.missed", "agent_id"), ("sms.received", "media_url"), ("sms.sent", "media_url")];
    for (name, field, kind) in fields() {
        let mut body = sample(Dialect::Documented, name);
        body["data"].as_object_mut().unwrap().remove(field);
        let expected = format!("/data/{field}: expected {kind}, found missing");
        assert_eq!(violation(&body.to_string(), Strict), expected, "{name}");
        let null = with_field(name, field, json!(null));
        assert_eq!(validate(&null, Strict).is_ok(), nullable.contains(&(name, field)), "{name} {field}");
    }
}

#[test]
fn strict_checks_phones_urls_and_times_and_documented_does_not() {
    let phone = "a phone number in E.164";
    for (name, field, value, expected) in [
        ("call.completed", "from", "14155550123", phone),
        ("sms.sent", "to", "anonymous", phone),
        ("contact.created", "phone", "+0123456789", phone),
        ("call.completed", "recording_url", "media.example.com/a.mp3", "an http or https URL"),
        ("sms.received", "media_url", "", "an http or https URL"),
        ("sms.delivered", "delivered_at", "2026-04-07T10:04:39+02:00", "an RFC 3339 timestamp in UTC"),
    ] {
        let body = with_field(name, field, json!(value));
        assert_eq!(violation(&body, Strict), format!("/data/{field}: expected {expected}, found string"));
        assert!(validate(&body, Plain).is_ok(), "{body}");
    }
    let escaped = documented("sms.received", r#"{"message_id":"m1","media_url":"https:\/\/example.com"}"#);
    assert!(violation(&escaped, Strict).contains("/data/direction"), "an escaped URL is a URL");
}

#[test]
fn a_known_type_of_the_other_dialect_needs_only_envelope_and_identity() {
    let data = r#"{"call_sid":"","id":58120733,"duration":"x"}"#;
    let body = documented("call.incoming", data);
    let event = validate(&body, Strict).unwrap();
    assert_eq!(event.entity_id.as_deref(), Some("58120733"));
    assert_eq!(event.time.as_deref(), Some("2026-04-07T09:15:42Z"));
    assert!(violation(&documented("call.incoming", "{}"), Tolerant).starts_with("/data/call_sid: "));
    let timeless = format!(r#"{{"event":"call.incoming","data":{data}}}"#);
    assert!(violation(&timeless, Plain).starts_with("/timestamp: "));
}

#[test]
fn unknown_type_has_no_violations() {
    for (body, id, time) in [
        (documented("sms.failed", r#"{"message_id":5}"#), Some("5"), Some("2026-04-07T09:15:42Z")),
        (documented("sms.failed", r#"{"message_id":{}}"#), None, Some("2026-04-07T09:15:42Z")),
        (documented("billing.paid", r#"{"id":5}"#), None, Some("2026-04-07T09:15:42Z")),
        (r#"{"event":"sms.failed","timestamp":"soon","data":{}}"#.to_owned(), None, None),
        (r#"{"event":"sms.failed","data":{}}"#.to_owned(), None, None),
    ] {
        for validation in [Plain, Tolerant, Strict] {
            let event = validate(&body, validation).unwrap();
            assert_eq!(
                (event.entity_id.as_deref(), event.time.as_deref(), event.violations),
                (id, time, 0),
                "{body}"
            );
        }
    }
}
