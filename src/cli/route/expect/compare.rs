//! Comparison of expected and actual results.

use super::case::{Expected, OfRecord};
use crate::cli::route::explanation::{Explanation, Line};
use serde_json::{Value, json};

#[cfg(test)]
mod tests;

/// Field that differs from its expectation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Name, such as `key of justcall.calls`.
    pub(super) field: String,
    pub(super) expected: Value,
    pub(super) actual: Value,
}

impl Difference {
    pub(super) fn json(&self) -> Value {
        json!({ "field": self.field, "expected": self.expected, "actual": self.actual })
    }
}

/// Returns every difference from the values that are expected.
pub(super) fn differences(expected: &Expected, actual: &Explanation) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut compare = |field: &str, expected: &Option<Value>, actual: Value| {
        if let Some(expected) = expected
            && listed(expected) != listed(&actual)
        {
            found.push(Difference { field: field.to_owned(), expected: expected.clone(), actual });
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

fn compare_record(expected: &OfRecord, record: &Line, compare: &mut impl FnMut(&str, &Option<Value>, Value)) {
    let of = |what: &str| format!("{what} of {}", record.topic);
    compare(&of("key"), &expected.key.as_ref().map(as_text), json!(record.key));
    compare(&of("partition"), &expected.partition, json!(record.partition));
    for (name, value) in expected.headers.iter().flatten() {
        let actual = record.headers.get(name).cloned().unwrap_or_default();
        compare(&of(&format!("header {name}")), &Some(as_text(value)), actual);
    }
}

/// Returns a key or header as text: a number without quotes counts as its digits.
fn as_text(value: &Value) -> Value {
    match value {
        Value::Number(_) | Value::Bool(_) => Value::String(value.to_string()),
        other => other.clone(),
    }
}

/// Returns a value as a sorted list. A single value is a list of one, null an empty list.
fn listed(value: &Value) -> Vec<Value> {
    let mut list = match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.clone(),
        other => vec![other.clone()],
    };
    list.sort_by_key(Value::to_string);
    list
}

/// Returns a list in short form: a single value without the list, null for an empty list.
pub(super) fn short(list: Value) -> Value {
    match list {
        Value::Array(mut items) if items.len() < 2 => items.pop().unwrap_or_default(),
        list => list,
    }
}
