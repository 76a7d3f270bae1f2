//! Comparison of expected and actual results.

use super::case::{Expected, ExpectedRecord};
use crate::explain::explanation::{Explanation, RouteRecord};
use serde_json::{Value, json};

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// Such as `key of justcall.calls`.
    pub(crate) field: String,
    pub(crate) expected: Value,
    pub(crate) actual: Value,
}

impl Mismatch {
    pub(crate) fn json(&self) -> Value {
        json!({ "field": self.field, "expected": self.expected, "actual": self.actual })
    }
}

pub(crate) fn differences(expected: &Expected, actual: &Explanation) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let mut compare = |field: &str, expected: &Option<Value>, actual: Value| {
        if let Some(expected) = expected
            && listed(expected) != listed(&actual)
        {
            found.push(Mismatch { field: field.to_owned(), expected: expected.clone(), actual });
        }
    };
    compare("outcome", &expected.outcome, json!(actual.outcome.name()));
    compare("route", &expected.route, short(json!(actual.routes)));
    compare("topics", &expected.topics, short(json!(actual.topics())));
    let reason = actual.rejection.as_ref().map(|rejection| rejection.reason);
    compare("reason", &expected.reason, json!(reason));
    for record in &actual.records {
        compare_record(&expected.every, record, &mut compare);
    }
    let of_records =
        [expected.every.key.is_some(), expected.every.partition.is_some(), expected.every.headers.is_some()];
    if actual.records.is_empty() && of_records.contains(&true) {
        compare("records", &Some(json!("some, for their key, partition or headers")), json!("none"));
    }
    for (topic, expected) in &expected.records {
        match actual.records.iter().find(|record| record.topic == *topic) {
            Some(record) => compare_record(expected, record, &mut compare),
            None => compare("records", &Some(json!(topic)), short(json!(actual.topics()))),
        }
    }
    found
}

fn compare_record(
    expected: &ExpectedRecord,
    record: &RouteRecord,
    compare: &mut impl FnMut(&str, &Option<Value>, Value),
) {
    let of = |what: &str| format!("{what} of {}", record.topic);
    compare(&of("key"), &expected.key, json!(record.key));
    compare(&of("partition"), &expected.partition, json!(record.partition));
    for (name, value) in expected.headers.iter().flatten() {
        let actual = record.headers.get(name).cloned().unwrap_or_default();
        compare(&of(&format!("header {name}")), &Some(value.clone()), actual);
    }
}

/// Returns a sorted list. A single value is a list of one, null an empty list.
fn listed(value: &Value) -> Vec<Value> {
    let mut list = match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.clone(),
        other => vec![other.clone()],
    };
    list.sort_by_key(Value::to_string);
    list
}

/// Returns a single value without the list, null for an empty list.
pub(crate) fn short(list: Value) -> Value {
    match list {
        Value::Array(mut items) if items.len() < 2 => items.pop().unwrap_or_default(),
        list => list,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Settings, SettingsFile, SettingsInput};
    use crate::explain::explanation::Router;
    use chrono::Utc;
    use justcall_events::{Dialect, KnownType, samples};

    /// Compares with `call.missed`, which two routes write to two topics; one sets a key and a header.
    fn differing(expected: Value) -> Vec<String> {
        let routes = r#"routes=[
        {"match": "call.missed", "topics": "a", "key": "/data/from", "headers": {"team": "voice"}, "continue": true},
        {"match": "call.*", "topics": "b"}]"#;
        let flags = vec![routes.to_owned()];
        let settings =
            Settings::load(&SettingsInput { file: SettingsFile::None, flags, ..SettingsInput::default() })
                .unwrap();
        let router = Router::new(&settings, Some(6), Utc::now()).unwrap();
        let (_, body) =
            samples(Dialect::Documented).find(|(known, _)| *known == KnownType::CallMissed).unwrap();
        let mut expected = expected;
        let mut take = |name: &str| expected.as_object_mut().unwrap().remove(name);
        let every = ExpectedRecord {
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
}
