use super::*;
use proptest::prelude::*;

fn envelope(body: &str) -> Envelope<'_> {
    match scan(body.as_bytes()) {
        Ok(Scanned::Envelope(envelope)) => envelope,
        other => panic!("{body} is {other:?}"),
    }
}

fn malformed(body: impl AsRef<[u8]>) -> Option<Malformed> {
    scan(body.as_ref()).err()
}

#[test]
fn a_string_event_marks_the_documented_dialect_and_a_string_type_the_live_one() {
    let documented = envelope(r#"{"event":"call.missed","timestamp":"x","data":{}}"#);
    assert_eq!(documented.dialect, Dialect::Documented);
    assert_eq!(documented.event_type.name(), "call.missed");
    let live = envelope(r#" {"type":"sms.sent","webhook_url":"https:\/\/example.com","data":{}} "#);
    assert_eq!(live.dialect, Dialect::Live);
    assert_eq!(live.webhook_url.as_deref(), Some("https://example.com"));
}

#[test]
fn whitespace_or_an_envelope_without_data_is_a_probe() {
    for body in ["", " \r\n\t", r#"{"event":"call.missed"}"#, r#"{"type":"x","webhook_url":"u"}"#] {
        assert!(matches!(scan(body.as_bytes()), Ok(Scanned::Probe)), "{body:?}");
    }
}

#[test]
fn anything_but_one_json_text_in_utf_8_is_not_json() {
    let good = r#"{"event":"call.missed","data":{}}"#;
    assert_eq!(malformed(good), None);
    for body in [
        "\u{feff}".to_owned() + good,
        good.to_owned() + "x",
        good.to_owned() + good,
        good.to_owned() + "\0",
        good[..good.len() - 1].to_owned(),
        good.replace("call", "ca\0ll"),
        good.replace("{}", "{\"a\":01}"),
        good.replace("{}", "{\"a\":'b'}"),
        good.replace("{}", "{},"),
        "\0".to_owned(),
        "[1,2".to_owned(),
        "nul".to_owned(),
        "event=call.missed".to_owned(),
    ] {
        assert_eq!(malformed(&body), Some(Malformed::NotJson), "{body:?}");
    }
    assert_eq!(malformed(b"{\"event\":\"a\",\"data\":{\"n\":\"\xff\"}}"), Some(Malformed::NotJson));
}

#[test]
fn json_without_a_valid_event_or_data_is_not_an_envelope() {
    for body in [
        "[1,2]",
        "null",
        "1e400",
        r#""call.missed""#,
        "{}",
        r#"{"data":{}}"#,
        r#"{"event":null,"data":{}}"#,
        r#"{"event":"","data":{}}"#,
        r#"{"event":7,"data":{}}"#,
        r#"{"event":"a\u0000b","data":{}}"#,
        r#"{"event":"a\nb","data":{}}"#,
        r#"{"event":"a\u0085b","data":{}}"#,
        r#"{"event":"\ud800","data":{}}"#,
        r#"{"type":["x"],"data":{}}"#,
        r#"{"event":"x","data":null}"#,
        r#"{"event":"x","data":[]}"#,
        r#"{"event":"x","data":"{}"}"#,
    ] {
        assert_eq!(malformed(body), Some(Malformed::NotAnEnvelope), "{body}");
    }
}

#[test]
fn a_type_may_be_256_bytes_long_and_no_longer() {
    let body = |name: String| format!(r#"{{"type":"{name}","data":{{}}}}"#);
    assert_eq!(malformed(body("x".repeat(256))), None);
    assert_eq!(malformed(body("x".repeat(257))), Some(Malformed::NotAnEnvelope));
    // Limit of the decoded bytes.
    assert_eq!(malformed(body("é".repeat(129))), Some(Malformed::NotAnEnvelope));
    assert_eq!(malformed(body(r"\u0041".repeat(256))), None);
}

#[test]
fn event_and_type_together_are_ambiguous_in_any_form() {
    for body in [
        r#"{"event":"call.missed","type":"call.missed","data":{}}"#,
        r#"{"event":null,"type":"call.missed","data":{}}"#,
        r#"{"event":"call.missed","type":null}"#,
        r#"{"\u0065vent":"a","type":1}"#,
    ] {
        assert_eq!(malformed(body), Some(Malformed::Ambiguous), "{body}");
    }
}

#[test]
fn repeated_envelope_field_is_refused_and_other_fields_may_repeat() {
    for name in ["event", "data", "timestamp", "request_id", "webhook_url", "url_id"] {
        let body = format!(r#"{{"event":"x","data":{{}},"timestamp":1,"{name}":1,"{name}":1}}"#);
        assert_eq!(malformed(&body), Some(Malformed::NotAnEnvelope), "{name}");
    }
    assert_eq!(malformed(r#"{"type":"x","type":"x","data":{}}"#), Some(Malformed::NotAnEnvelope));
    assert_eq!(malformed(r#"{"event":"x","metadata":1,"metadata":{},"data":{}}"#), None);
}

#[test]
fn names_and_urls_are_borrowed_unless_escaped() {
    let plain = envelope(r#"{"type":"new.type","webhook_url":"https://example.com","data":{}}"#);
    assert!(matches!(plain.event_type, EventType::Unknown(Cow::Borrowed("new.type"))));
    assert!(matches!(plain.webhook_url, Some(Cow::Borrowed("https://example.com"))));
    assert_eq!(envelope(r#"{"type":"call\u002emissed","data":{}}"#).event_type.name(), "call.missed");
}

#[test]
fn webhook_url_that_is_not_a_string_or_of_the_other_dialect_is_none() {
    for body in [
        r#"{"type":"x","webhook_url":5,"data":{}}"#,
        r#"{"type":"x","webhook_url":"\udc00","data":{}}"#,
        r#"{"event":"x","webhook_url":"https://example.com","data":{}}"#,
    ] {
        assert_eq!(envelope(body).webhook_url, None, "{body}");
    }
}

#[test]
fn hundred_thousand_nested_values_do_not_overflow_the_stack() {
    const DEPTH: usize = 100_000;
    let arrays = "[".repeat(DEPTH) + &"]".repeat(DEPTH);
    let objects = r#"{"a":"#.repeat(DEPTH) + "1" + &"}".repeat(DEPTH);
    for deep in [&arrays, &objects] {
        envelope(&format!(r#"{{"x":{deep},"event":"x","data":{{"y":{deep}}}}}"#));
    }
    assert_eq!(malformed(&arrays), Some(Malformed::NotAnEnvelope));
    assert_eq!(malformed("[".repeat(DEPTH)), Some(Malformed::NotJson));
}

proptest! {
    #[test]
    fn scan_never_panics_on_bytes(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = scan(&body);
    }

    #[test]
    fn scan_never_panics_on_text_of_json_characters(
        body in r#"\{"(event|type|data)":[\[\]{}:,"\\u0-9a-fdnltrueE.+\- ]{0,60}\}?"#,
    ) {
        let _ = scan(body.as_bytes());
    }
}

#[test]
fn envelope_name_in_another_case_is_ambiguous() {
    for body in [
        r#"{"event":"call.missed","Event":"call.completed","data":{}}"#,
        r#"{"event":"call.missed","Data":{"call_id":"a"}}"#,
        r#"{"TYPE":"call.missed","type":"call.missed","data":{}}"#,
        r#"{"event":"call.missed","timestamp":"a","TimeStamp":"b","data":{}}"#,
        r#"{"event":"call.missed","timestamp":"a","timeſtamp":"b","data":{}}"#,
        "{\"event\":\"call.missed\",\"TIME\u{17f}TAMP\":\"b\",\"data\":{}}",
        "{\"type\":\"call.missed\",\"reque\u{17f}t_id\":\"b\",\"data\":{}}",
    ] {
        assert_eq!(malformed(body), Some(Malformed::Ambiguous), "{body}");
    }
}
