use super::*;
use crate::record::json_form;

const RECORDS: Content = Content::Records { any_topic: false };

fn broken(line: &str) -> String {
    match parse(line.as_bytes(), RECORDS) {
        ParsedLine::Broken(why) => why,
        other => panic!("{line} is {other:?}"),
    }
}

#[test]
fn body_is_read_byte_for_byte() {
    let body = br#" {"event":"call.missed", "data":{"topic":"x"}} "#;
    assert_eq!(parse(body, Content::Events), ParsedLine::Event(Bytes::from_static(body)));
    let with_carriage_return = [body.as_slice(), b"\r"].concat();
    assert_eq!(parse(&with_carriage_return, Content::Events), ParsedLine::Event(Bytes::from_static(body)));
}

#[test]
fn flags_decide_the_content_of_a_line() {
    let record = r#"{"headers":{},"key":"k","timestamp":5,"topic":"t","value":"{}"}"#;
    for line in ["no JSON", "[1]", "{}", r#"{"topic":"t"}"#, record] {
        let event = ParsedLine::Event(Bytes::copy_from_slice(line.as_bytes()));
        assert_eq!(parse(line.as_bytes(), Content::Events), event);
        assert_eq!(parse(line.as_bytes(), Content::Body), event);
    }
    assert!(matches!(parse(record.as_bytes(), RECORDS), ParsedLine::Record(_)));
    for line in [
        "no JSON",
        "{}",
        r#"{"event":"call.missed","topic":"t","headers":{},"timestamp":5,"value":"","data":{}}"#,
        r#"{"type":"call.missed","topic":"t","headers":{},"timestamp":5,"value":""}"#,
    ] {
        assert!(broken(line).contains("not a record"), "{line}");
    }
    assert_eq!((parse(b"", Content::Events), parse(b" \r", RECORDS)), (ParsedLine::Blank, ParsedLine::Blank));
}

#[test]
fn exported_line_restores_its_record() {
    let line = br#"{"headers":{"ce_id":"7","raw_base64":"//4="},"key":"call_1","row":3,"spooled_at":"2026-01-01T00:00:00.000Z","timestamp":5,"topic":"justcall.calls","value":"{\"a\": 1}\n"}"#;
    let expected = Record {
        topic: Arc::from("justcall.calls"),
        key: Some(Bytes::from_static(b"call_1")),
        headers: Headers::builder(32).add("ce_id", "7").add("raw", b"\xff\xfe").build(),
        value: Bytes::from_static(b"{\"a\": 1}\n"),
        timestamp: 5,
    };
    assert_eq!(parse(line, RECORDS), ParsedLine::Record(expected));
}

#[test]
fn binary_keys_and_values_are_decoded() {
    let line = br#"{"headers":{},"key_base64":"/w==","timestamp":5,"topic":"t","value_base64":"//4="}"#;
    let ParsedLine::Record(record) = parse(line, RECORDS) else { panic!("no record") };
    assert_eq!((record.key.as_deref(), &record.value[..]), (Some(&b"\xff"[..]), &b"\xff\xfe"[..]));
}

#[test]
fn malformed_export_is_reported_without_its_content() {
    let cases = [
        (r#"{"headers":{},"timestamp":5,"topic":"t"}"#, "no value"),
        (r#"{"headers":{},"value":"qz9","topic":"t"}"#, "no timestamp"),
        (r#"{"headers":{},"timestamp":5,"topic":"a b","value":"qz9"}"#, "topic"),
        (r#"{"headers":{"a":7},"timestamp":5,"topic":"t","value":"qz9"}"#, "another type"),
        (r#"{"headers":{},"timestamp":5,"topic":"t","value_base64":"qz9!"}"#, "base64"),
        (r#"{"headers":{},"timestamp":5,"topic":"t","body":{},"masked":true}"#, "--show-personal-data"),
    ];
    for (line, part) in cases {
        let why = broken(line);
        assert!(why.contains(part) && !why.contains("qz9"), "{line}: {why}");
    }
}

#[test]
fn header_name_with_base64_suffix_round_trips() {
    let mut headers = serde_json::Map::new();
    json_form::bytes(&mut headers, "note_base64", b"aGVsbG8=");
    json_form::bytes(&mut headers, "note", b"fixed");
    let line =
        serde_json::json!({"headers": headers, "timestamp": 5, "topic": "t", "value": "v"}).to_string();
    let ParsedLine::Record(record) = parse(line.as_bytes(), Content::Records { any_topic: true }) else {
        panic!("{line}")
    };
    let mut read: Vec<_> = record.headers.iter().collect();
    read.sort_unstable();
    assert_eq!(read, [("note", &b"fixed"[..]), ("note_base64", b"aGVsbG8=")]);
}

#[test]
fn headers_with_a_shared_name_keep_their_order() {
    let exported = Headers::builder(64)
        .add("hop", "a")
        .add("ce_id", "7")
        .add("hop", "b")
        .add("raw", "text")
        .add("raw", b"\xff")
        .add("x_base64", "1")
        .add("x_base64", "2")
        .build();
    let headers = json_form::headers(exported.iter());
    let expected = serde_json::json!({
        "hop": ["a", "b"], "ce_id": "7", "raw_base64": ["dGV4dA==", "/w=="], "x_base64_base64": ["MQ==", "Mg=="],
    });
    assert_eq!(serde_json::Value::from(headers.clone()), expected);
    let line = serde_json::json!({"headers": headers, "timestamp": 5, "topic": "t", "value": "v"});
    let ParsedLine::Record(record) = parse(line.to_string().as_bytes(), RECORDS) else { panic!("{line}") };
    let of = |name: &str| -> Vec<&[u8]> {
        record.headers.iter().filter(|(each, _)| *each == name).map(|(_, value)| value).collect()
    };
    assert_eq!(of("hop"), [b"a", b"b"]);
    assert_eq!(of("raw"), [&b"text"[..], b"\xff"]);
    assert_eq!(of("x_base64"), [b"1", b"2"]);
    assert_eq!(record.headers.iter().count(), 7);
}

#[test]
fn repeated_json_members_are_headers_of_one_name() {
    let line = br#"{"headers":{"b":"1","a":"2","b":"3"},"timestamp":5,"topic":"t","value":"v"}"#;
    let ParsedLine::Record(record) = parse(line, RECORDS) else { panic!("no record") };
    let headers: Vec<_> = record.headers.iter().collect();
    assert_eq!(headers, [("b", &b"1"[..]), ("a", b"2"), ("b", b"3")]);
}

#[test]
fn record_without_a_time_gets_the_present_time() {
    let now = Utc::now().timestamp_millis();
    for timestamp in ["null", "-1", "0"] {
        let line = format!(r#"{{"headers":{{}},"timestamp":{timestamp},"topic":"t","value":"v"}}"#);
        let ParsedLine::Record(record) = parse(line.as_bytes(), RECORDS) else { panic!("{line}") };
        assert!((now..now + 60_000).contains(&record.timestamp), "{line}: {}", record.timestamp);
    }
}
