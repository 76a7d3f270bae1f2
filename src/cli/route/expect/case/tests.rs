use super::*;
use serde_json::json;

fn case(written: Value) -> Result<Case, String> {
    let written: Written = serde_json::from_str(&written.to_string()).map_err(|error| error.to_string())?;
    written.case("f:1".into(), Path::new("/nowhere"))
}

fn body(written: Value) -> String {
    String::from_utf8(case(written).unwrap().body.to_vec()).unwrap()
}

#[test]
fn event_is_inline_text_or_a_sample() {
    assert_eq!(body(json!({ "event": { "type": "a" }, "outcome": "routed" })), r#"{"type":"a"}"#);
    assert_eq!(body(json!({ "body": "not JSON", "outcome": "rejected" })), "not JSON");
    let live = body(json!({ "sample": "call.missed", "dialect": "live", "outcome": "routed" }));
    assert!(live.contains("call_sid") && live.contains("\"type\""));
}

#[test]
fn event_keeps_its_bytes() {
    let written: Written =
        serde_json::from_str(r#"{"event": {"b" : 1.0e2, "a":2}, "outcome": "routed"}"#).unwrap();
    let case = written.case("f".into(), Path::new(".")).unwrap();
    assert_eq!(&case.body[..], br#"{"b" : 1.0e2, "a":2}"#);
}

#[test]
fn fields_of_a_sample_can_be_set() {
    let changed = body(json!({
        "sample": "call.missed",
        "with": { "/data/direction": "outbound", "/data/new~1field": [1], "/data/new~1field/0": 2 },
        "outcome": "routed",
    }));
    let changed: Value = serde_json::from_str(&changed).unwrap();
    assert_eq!(changed["data"]["direction"], "outbound");
    assert_eq!(changed["data"]["new/field"], json!([2]));
}

#[test]
fn malformed_case_is_reported_with_the_reason() {
    for (written, expected) in [
        (json!({ "sample": "call.missed" }), "expects nothing"),
        (json!({ "outcome": "routed" }), "needs one of"),
        (json!({ "event": {}, "body": "", "outcome": "routed" }), "needs one of"),
        (json!({ "sample": "call.lost", "outcome": "routed" }), "documents no type \"call.lost\""),
        (
            json!({ "sample": "contact.created", "dialect": "live", "outcome": "routed" }),
            "`dialect: documented` does",
        ),
        (json!({ "sample": "call.missed", "dialect": "spoken", "outcome": "routed" }), "neither"),
        (json!({ "event": {}, "dialect": "live", "outcome": "routed" }), "of a `sample`"),
        (
            json!({ "sample": "call.missed", "with": { "/a/b": 1 }, "outcome": "routed" }),
            "leads into nothing",
        ),
        (json!({ "body": "x", "with": { "/a": 1 }, "outcome": "routed" }), "needs an event that is JSON"),
        (json!({ "file": "none.json", "outcome": "routed" }), "cannot read /nowhere/none.json"),
        (json!({ "sample": "call.missed", "topic": "a" }), "unknown field `topic`"),
    ] {
        let error = case(written).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn null_is_compared() {
    let case = case(json!({ "sample": "call.missed", "key": null })).unwrap();
    assert_eq!(case.expected.every.key, Some(Value::Null));
}
