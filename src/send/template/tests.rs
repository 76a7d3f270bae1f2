use super::*;
use justcall_events::{Dialect, samples};
use serde_json::Value;
use std::collections::HashSet;

const STAMP: Stamp = Stamp { run: 0x0123_4567_89ab_cdef, sequence: 7, millis: 1_700_000_000_123 };

const URL: &str = "https://hooks.example/a\"b";

fn fill(sample: &'static str, stamp: Stamp) -> Value {
    serde_json::from_str(&Template::parse(sample, URL).unwrap().fill(stamp)).unwrap()
}

fn all_samples() -> impl Iterator<Item = &'static str> {
    [Dialect::Documented, Dialect::Live].into_iter().flat_map(samples).map(|(_, sample)| sample)
}

fn without_identity(mut body: Value) -> Value {
    for name in ["timestamp", "request_id", "webhook_url"] {
        body.as_object_mut().unwrap().remove(name);
    }
    for name in IDENTITIES {
        body["data"].as_object_mut().unwrap().remove(name);
    }
    body
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::String(text) if text.is_empty() => "empty",
        Value::String(_) => "string",
        Value::Number(_) => "number",
        _ => "other",
    }
}

#[test]
fn copy_differs_from_its_sample_only_in_identities_and_times() {
    for sample in all_samples() {
        let original: Value = serde_json::from_str(sample).unwrap();
        let copy = fill(sample, STAMP);
        assert_eq!(without_identity(original), without_identity(copy));
    }
}

#[test]
fn live_copies_contain_the_target_webhook_url() {
    for (_, sample) in samples(Dialect::Live) {
        assert_eq!(fill(sample, STAMP)["webhook_url"], URL);
    }
    for (_, sample) in samples(Dialect::Documented) {
        assert!(fill(sample, STAMP).get("webhook_url").is_none());
    }
}

#[test]
fn replaced_value_keeps_its_json_type() {
    for sample in all_samples() {
        let original: Value = serde_json::from_str(sample).unwrap();
        let copy = fill(sample, STAMP);
        for pointer in IDENTITIES.map(|name| format!("/data/{name}")) {
            assert_eq!(original.pointer(&pointer).map(kind), copy.pointer(&pointer).map(kind), "{pointer}");
        }
    }
}

#[test]
fn bytes_between_replaced_values_are_unchanged() {
    let sample =
        "{ \"event\":\"x\",\r\n \"timestamp\" : \"t\" , \"data\":{\"cost\":1.50,\"call_id\":\"c_1\"}}\n";
    let body = Template::parse(sample, URL).unwrap().fill(STAMP);
    assert!(body.starts_with("{ \"event\":\"x\",\r\n \"timestamp\" : \"2023-11-14T22:13:20Z\" , "), "{body}");
    assert!(body.contains("{\"cost\":1.50,\"call_id\":\"c_") && body.ends_with("\"}}\n"), "{body}");
}

#[test]
fn copies_are_unique_within_and_across_runs() {
    for sample in all_samples() {
        let template = Template::parse(sample, URL).unwrap();
        let stamps = [1, u64::MAX]
            .into_iter()
            .flat_map(|run| (0..500).map(move |sequence| Stamp { run, sequence, millis: STAMP.millis }));
        let copies: HashSet<String> = stamps.map(|stamp| template.fill(stamp)).collect();
        assert_eq!(copies.len(), 1000);
    }
}

#[test]
fn every_copy_has_its_own_entity() {
    for sample in all_samples() {
        let ids = |sequence| {
            let copy = fill(sample, Stamp { sequence, ..STAMP });
            IDENTITIES.iter().map(|name| copy["data"][*name].clone()).collect::<Vec<_>>()
        };
        let (one, two) = (ids(1), ids(2));
        let nothing = |value: &Value| matches!(kind(value), "null" | "empty");
        assert!(one.iter().any(|id| !nothing(id)));
        assert!(one.iter().zip(&two).all(|(one, two)| nothing(one) || one != two), "{one:?} {two:?}");
    }
}

#[test]
fn identities_keep_their_format() {
    let copy = fill(
        r#"{"data":{"call_id":"call_8f3a","call_sid":"CA012","message_id":"","contact_id":98765,"id":"321"}}"#,
        Stamp { run: 5 << 12, sequence: 2, ..STAMP },
    );
    let data = &copy["data"];
    assert_eq!(data["call_id"], "call_00000m0000000002");
    assert_eq!(data["call_sid"].as_str().unwrap().len(), 16);
    assert_eq!(data["message_id"], "");
    assert_eq!(data["contact_id"], 7);
    assert_eq!(data["id"], "7");
}

#[test]
fn null_identity_and_nested_id_are_unchanged() {
    let copy = fill(r#"{"data":{"id":null,"campaign":{"id":5}}}"#, STAMP);
    assert_eq!(copy, serde_json::json!({"data":{"id":null,"campaign":{"id":5}}}));
}

#[test]
fn request_id_is_a_ulid_of_the_sending_time() {
    let copy = fill(r#"{"request_id":"x","data":{}}"#, STAMP);
    // Ten characters encode the time, 1700000000123 ms. Sixteen distinguish runs and copies.
    assert_eq!(copy["request_id"], "01HF7YAT3VCY4TQKFF00000007");
    assert!(justcall_events::EventId::from_request_id("01HF7YAT3VCY4TQKFF00000007").is_some());
}

#[test]
fn numbers_stay_below_2_to_the_53() {
    let largest = Stamp { run: u64::MAX, sequence: 100_000_000_000, millis: 0 };
    assert!(largest.number() < 1 << 53);
}

#[test]
fn body_without_an_envelope_is_not_a_template() {
    for bad in ["", "[]", "{}", r#"{"data":[]}"#] {
        assert!(Template::parse(bad, URL).is_err(), "{bad}");
    }
}
