//! How routes are written.

use super::super::form::{Kind, Written};
use super::{Switch, Texts, by_name, quoted, scalar, string};
use crate::routing::{HeaderValue, Match, Operator, Predicate};
use config::{Value, ValueKind};
use justcall_events::Family;
use std::collections::BTreeMap;
use yaml_rust2::{Yaml, yaml};

#[cfg(test)]
mod tests;

/// What a route takes: a pattern, `{family: call}`, or a list of such.
pub(in super::super) struct Matches;

impl Kind<Vec<Match>> for Matches {
    fn read(&self, value: &Value) -> Result<Vec<Match>, String> {
        match &value.kind {
            ValueKind::Array(items) => items.iter().map(read_match).collect(),
            ValueKind::Table(_) => Ok(vec![read_match(value)?]),
            _ => Ok(Texts.read(value)?.into_iter().map(Match::Pattern).collect()),
        }
    }

    fn show(&self, it: &Vec<Match>) -> Yaml {
        let show = |each: &Match| match each {
            Match::Pattern(text) => string(text),
            Match::Family(family) => map([("family", string(family.name()))]),
        };
        Yaml::Array(it.iter().map(show).collect())
    }

    fn written(&self) -> Written {
        Written::Json
    }
}

fn read_match(value: &Value) -> Result<Match, String> {
    let ValueKind::Table(table) = &value.kind else { return scalar(value).map(Match::Pattern) };
    match (table.len(), table.get("family")) {
        (1, Some(family)) => Family::from_name(&scalar(family)?).map(Match::Family).ok_or_else(|| {
            format!("a family is one of {}", quoted(Family::ALL.iter().map(|each| each.name())))
        }),
        _ => Err("must be a pattern such as `call.*`, or `{family: call}`".into()),
    }
}

/// What must hold, by JSON pointer or named field: a value, a list of values, or a map that says more.
pub(in super::super) struct Conditions;

impl Kind<BTreeMap<String, Predicate>> for Conditions {
    fn read(&self, value: &Value) -> Result<BTreeMap<String, Predicate>, String> {
        let wanted =
            "must be a map from JSON pointers or named fields to values, such as `{ direction: inbound }`";
        by_name(value, wanted, read_test)
    }

    fn show(&self, it: &BTreeMap<String, Predicate>) -> Yaml {
        Yaml::Hash(it.iter().map(|(pointer, test)| (string(pointer), show_test(test))).collect())
    }

    fn written(&self) -> Written {
        Written::Json
    }
}

const TESTS: &str = "one of `equals`, `one_of`, `prefix` and `exists`";

fn read_test(value: &Value) -> Result<Predicate, String> {
    let ValueKind::Table(table) = &value.kind else {
        return Ok(Predicate { operator: Operator::OneOf(list(value)?), ignore_case: false });
    };
    let ignore_case = table.get("ignore_case").map(|value| Switch.read(value)).transpose()?.unwrap_or(false);
    let mut tests = table.iter().filter(|(name, _)| *name != "ignore_case");
    let (Some((name, value)), None) = (tests.next(), tests.next()) else {
        return Err(format!("must say {TESTS}, and may say `ignore_case`"));
    };
    let wanted = match name.as_str() {
        "equals" => Operator::OneOf(vec![scalar(value)?]),
        "one_of" => Operator::OneOf(list(value)?),
        "prefix" => Operator::Prefix(list(value)?),
        "exists" => Operator::Exists(Switch.read(value)?),
        _ => return Err(format!("knows no `{name}`: it is {TESTS}, beside `ignore_case`")),
    };
    Ok(Predicate { operator: wanted, ignore_case })
}

fn show_test(test: &Predicate) -> Yaml {
    let list = |texts: &[String]| Yaml::Array(texts.iter().map(string).collect());
    let said = match &test.operator {
        Operator::OneOf(texts) if !test.ignore_case => return list(texts),
        Operator::OneOf(texts) => ("one_of", list(texts)),
        Operator::Prefix(texts) => ("prefix", list(texts)),
        Operator::Exists(wanted) => ("exists", Yaml::Boolean(*wanted)),
    };
    let ignore_case = test.ignore_case.then_some(("ignore_case", Yaml::Boolean(true)));
    map([said].into_iter().chain(ignore_case))
}

/// A route's headers: a text, or `{from: agent}` with one field, named or pointed at, or a list of them.
pub(in super::super) struct HeaderValues;

impl Kind<BTreeMap<String, HeaderValue>> for HeaderValues {
    fn read(&self, value: &Value) -> Result<BTreeMap<String, HeaderValue>, String> {
        by_name(value, "must be a map from names to values", |value| {
            let ValueKind::Table(table) = &value.kind else {
                return scalar(value).map(HeaderValue::Text);
            };
            match (table.len(), table.get("from")) {
                (1, Some(from)) => list(from).map(HeaderValue::From),
                _ => Err("must be a text, or `{from: agent}` with a named field or a JSON pointer".into()),
            }
        })
    }

    fn show(&self, it: &BTreeMap<String, HeaderValue>) -> Yaml {
        let show = |(name, value): (&String, &HeaderValue)| {
            let value = match value {
                HeaderValue::Text(text) => string(text),
                HeaderValue::From(pointers) => {
                    map([("from", Yaml::Array(pointers.iter().map(string).collect()))])
                }
            };
            (string(name), value)
        };
        Yaml::Hash(it.iter().map(show).collect())
    }

    fn written(&self) -> Written {
        Written::Json
    }
}

/// One value or a list of them. Commas are part of a value.
fn list(value: &Value) -> Result<Vec<String>, String> {
    match &value.kind {
        ValueKind::Array(items) => items.iter().map(scalar).collect(),
        _ => Ok(vec![scalar(value)?]),
    }
}

fn map<'a>(fields: impl IntoIterator<Item = (&'a str, Yaml)>) -> Yaml {
    let mut map = yaml::Hash::new();
    map.extend(fields.into_iter().map(|(name, value)| (string(name), value)));
    Yaml::Hash(map)
}
