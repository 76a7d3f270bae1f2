use super::*;

const MODES: [Validation; 3] = [Validation::Documented, Validation::Tolerant, Validation::Strict];
const ULID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

fn live(name: &str, envelope: &str, data: &str) -> String {
    format!(r#"{{{envelope}"type":"{name}","data":{data}}}"#)
}

#[test]
fn a_ulid_gives_the_event_its_id_and_time() {
    let body = live("call.completed", &format!(r#""request_id":"{ULID}","#), r#"{"call_sid":"a"}"#);
    let event = validate(&body, Validation::Documented).unwrap();
    assert_eq!(event.id.as_str(), ULID);
    assert_eq!(event.time.as_deref(), Some("2016-07-30T23:54:10.259Z"));
}

#[test]
fn without_a_ulid_the_hash_is_the_id_and_the_time_is_missing() {
    for request_id in ["", r#""request_id":null,"#, r#""request_id":"","#, r#""request_id":"req-1","#] {
        let body = live("call.completed", request_id, r#"{"call_sid":"a"}"#);
        let event = validate(&body, Validation::Strict).unwrap();
        assert_eq!(event.id, EventId::from_hash(&BodyHash::of(body.as_bytes())), "{body}");
        assert_eq!(event.time, None);
    }
}

#[test]
fn a_ulid_beyond_the_year_9999_has_no_time() {
    let body = live("x", r#""request_id":"7ZZZZZZZZZZZZZZZZZZZZZZZZZ","#, "{}");
    let event = validate(&body, Validation::Documented).unwrap();
    assert_eq!((event.id.as_str(), event.time), ("7ZZZZZZZZZZZZZZZZZZZZZZZZZ", None));
}

#[test]
fn envelope_fields_have_their_type_or_are_null_or_missing() {
    for (envelope, expected) in [
        (r#""request_id":7,"#, "/request_id: expected a string, found number"),
        (r#""webhook_url":[],"#, "/webhook_url: expected a string, found array"),
        (r#""webhook_url":"\ud800","#, "/webhook_url: expected a string, found string"),
        (r#""url_id":true,"#, "/url_id: expected a string or an integer, found boolean"),
        (r#""url_id":1.5,"#, "/url_id: expected a string or an integer, found number"),
    ] {
        let body = live("sms.sent", envelope, r#"{"id":1}"#);
        assert_eq!(violation(&body, Validation::Documented), expected);
        assert_eq!(violation(&body, Validation::Strict), expected);
        assert_eq!(validate(&body, Validation::Tolerant).unwrap().violations, 1);
        assert!(
            validate(&live("new.type", envelope, "{}"), Validation::Strict).is_ok(),
            "unknown types pass"
        );
    }
    for envelope in
        [r#""request_id":null,"webhook_url":null,"url_id":null,"#, r#""url_id":7,"#, r#""url_id":"7","#]
    {
        let body = live("sms.sent", envelope, r#"{"id":1}"#);
        assert_eq!(validate(&body, Validation::Strict).unwrap().violations, 0);
    }
}

#[test]
fn a_known_type_needs_an_identity_in_every_mode() {
    for known in KnownType::ALL {
        for validation in MODES {
            let body = live(known.name(), "", r#"{"id":"","other":1}"#);
            assert!(violation(&body, validation).starts_with("/data/"), "{known}");
        }
        let event_id = validate(&live(known.name(), "", r#"{"id":98765}"#), Validation::Documented)
            .unwrap()
            .entity_id
            .map(Cow::into_owned);
        assert_eq!(event_id.as_deref(), Some("98765"), "{known}");
    }
    let unusable = live("call.updated", "", r#"{"call_sid":{}}"#);
    let expected = "/data/call_sid: expected a non-empty string of at most 256 bytes without control characters, or an integer, found object";
    assert_eq!(violation(&unusable, Validation::Tolerant), expected);
}

#[test]
fn everything_else_in_data_is_tolerated_in_every_mode() {
    let data =
        r#"{"id":1,"call_sid":"a","agent_id":"x","duration":-1e400,"from":{},"from":[],"timestamp":5}"#;
    for validation in MODES {
        let body = live("call.completed", r#""timestamp":5,"#, data);
        let event = validate(&body, validation).unwrap();
        assert_eq!((event.entity_id.as_deref(), event.violations), (Some("a"), 0));
    }
}

#[test]
fn unknown_type_has_the_identity_of_its_prefix_or_none() {
    for (name, data, id) in [
        ("call.transferred", r#"{"id":1,"call_sid":"a"}"#, Some("a")),
        ("call.transferred", r#"{"call_sid":true}"#, None),
        ("whatsapp.reaction", r#"{"id":"9"}"#, Some("9")),
        ("billing.paid", r#"{"id":"9"}"#, None),
    ] {
        let body = live(name, "", data);
        assert_eq!(validate(&body, Validation::Strict).unwrap().entity_id.as_deref(), id, "{body}");
    }
}
