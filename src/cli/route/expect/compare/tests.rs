use super::*;
use crate::cli::route::explanation::Router;
use crate::config::{Settings, SettingsFile, Sources};
use chrono::Utc;
use justcall_events::{Dialect, KnownType, samples};

/// Compares with `call.missed`, which two routes write to two topics; one sets a key and a header.
fn differing(expected: Value) -> Vec<String> {
    let routes = r#"routes=[
        {"match": "call.missed", "topics": "a", "key": "/data/from", "headers": {"team": "voice"}, "continue": true},
        {"match": "call.*", "topics": "b"}]"#;
    let flags = vec![routes.to_owned()];
    let settings =
        Settings::load(&Sources { file: SettingsFile::None, flags, ..Sources::default() }).unwrap();
    let router = Router::new(&settings, Some(6), Utc::now()).unwrap();
    let (_, body) = samples(Dialect::Documented).find(|(known, _)| *known == KnownType::CallMissed).unwrap();
    let mut expected = expected;
    let mut take = |name: &str| expected.as_object_mut().unwrap().remove(name);
    let every = OfRecord {
        key: take("key"),
        partition: take("partition"),
        headers: take("headers").and_then(|it| it.as_object().cloned()),
    };
    let expected = Expected {
        outcome: take("outcome"),
        route: take("route"),
        topics: take("topics"),
        reason: take("reason"),
        every,
        records: take("records").map(|it| serde_json::from_value(it).unwrap()).unwrap_or_default(),
    };
    let found = differences(&expected, &router.explain(0, &body.into()));
    found.into_iter().map(|each| each.field).collect()
}

#[test]
fn only_given_values_are_compared() {
    assert_eq!(differing(json!({})), [""; 0]);
    assert_eq!(differing(json!({ "outcome": "routed" })), [""; 0]);
    assert_eq!(differing(json!({ "outcome": "dropped", "reason": "not_json" })), ["outcome", "reason"]);
}

#[test]
fn lists_are_unordered_and_single_values_need_no_list() {
    assert_eq!(differing(json!({ "topics": ["b", "a"], "route": [1, 0] })), [""; 0]);
    assert_eq!(differing(json!({ "topics": "a", "route": 0 })), ["route", "topics"]);
    assert_eq!(differing(json!({ "topics": null })), ["topics"]);
}

#[test]
fn keys_and_headers_apply_to_all_records_or_one() {
    assert_eq!(differing(json!({ "headers": { "team": "voice" } })), ["header team of b"]);
    assert_eq!(
        differing(
            json!({ "records": { "a": { "headers": { "team": "voice" } }, "b": { "headers": { "team": null } } } })
        ),
        [""; 0]
    );
    assert_eq!(
        differing(json!({ "records": { "b": { "key": "nobody" }, "c": {} } })),
        ["key of b", "records"]
    );
    assert_eq!(differing(json!({ "key": null })), ["key of a", "key of b"]);
    assert_eq!(differing(json!({ "partition": 7 })), ["partition of a", "partition of b"]);
}

#[test]
fn unquoted_numbers_are_text() {
    assert_eq!(as_text(&json!(98765)), json!("98765"));
    assert_eq!(as_text(&json!(null)), json!(null));
}
