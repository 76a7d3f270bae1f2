use super::maps::parse_map;
use super::{Boolean, TextList, quoted, scalar, string};
use crate::config::schema::visitor::{TextSyntax, ValueType};
use crate::routing::{HeaderValue, Match, Operator, Predicate};
use config::{Value, ValueKind};
use justcall_events::Family;
use std::collections::BTreeMap;
use yaml_rust2::{Yaml, yaml};

#[cfg(test)]
mod tests;

/// A pattern, `{family: call}`, or a list of these.
pub(in crate::config) struct MatchList;

impl ValueType<Vec<Match>> for MatchList {
    fn parse(&self, value: &Value) -> Result<Vec<Match>, String> {
        match &value.kind {
            ValueKind::Array(items) => items.iter().map(parse_match).collect(),
            ValueKind::Table(_) => Ok(vec![parse_match(value)?]),
            _ => Ok(TextList.parse(value)?.into_iter().map(Match::Pattern).collect()),
        }
    }

    fn to_yaml(&self, value: &Vec<Match>) -> Yaml {
        let to_yaml = |each: &Match| match each {
            Match::Pattern(text) => string(text),
            Match::Family(family) => map([("family", string(family.name()))]),
        };
        Yaml::Array(value.iter().map(to_yaml).collect())
    }

    fn text_syntax(&self) -> TextSyntax {
        TextSyntax::Json
    }
}

fn parse_match(value: &Value) -> Result<Match, String> {
    let ValueKind::Table(table) = &value.kind else { return scalar(value).map(Match::Pattern) };
    match (table.len(), table.get("family")) {
        (1, Some(family)) => Family::from_name(&scalar(family)?).map(Match::Family).ok_or_else(|| {
            format!("a family is one of {}", quoted(Family::ALL.iter().map(|each| each.name())))
        }),
        _ => Err("must be a pattern such as `call.*`, or `{family: call}`".into()),
    }
}

/// By JSON pointer or named field: a value, a list of values, or a map with an operator.
pub(in crate::config) struct Conditions;

impl ValueType<BTreeMap<String, Predicate>> for Conditions {
    fn parse(&self, value: &Value) -> Result<BTreeMap<String, Predicate>, String> {
        let expected =
            "must be a map from JSON pointers or named fields to values, such as `{ direction: inbound }`";
        parse_map(value, expected, parse_predicate)
    }

    fn to_yaml(&self, value: &BTreeMap<String, Predicate>) -> Yaml {
        Yaml::Hash(
            value
                .iter()
                .map(|(pointer, predicate)| (string(pointer), predicate_to_yaml(predicate)))
                .collect(),
        )
    }

    fn text_syntax(&self) -> TextSyntax {
        TextSyntax::Json
    }
}

const OPERATORS: &str = "one of `equals`, `one_of`, `prefix` and `exists`";

fn parse_predicate(value: &Value) -> Result<Predicate, String> {
    let ValueKind::Table(table) = &value.kind else {
        return Ok(Predicate { operator: Operator::OneOf(list(value)?), ignore_case: false });
    };
    let ignore_case =
        table.get("ignore_case").map(|value| Boolean.parse(value)).transpose()?.unwrap_or(false);
    let mut operators = table.iter().filter(|(name, _)| *name != "ignore_case");
    let (Some((name, value)), None) = (operators.next(), operators.next()) else {
        return Err(format!("must have {OPERATORS}, and may have `ignore_case`"));
    };
    let operator = match name.as_str() {
        "equals" => Operator::OneOf(vec![scalar(value)?]),
        "one_of" => Operator::OneOf(list(value)?),
        "prefix" => Operator::Prefix(list(value)?),
        "exists" => Operator::Exists(Boolean.parse(value)?),
        _ => {
            return Err(format!(
                "has the unknown operator `{name}`: must have {OPERATORS}, and may have `ignore_case`"
            ));
        }
    };
    Ok(Predicate { operator, ignore_case })
}

fn predicate_to_yaml(predicate: &Predicate) -> Yaml {
    let list = |texts: &[String]| Yaml::Array(texts.iter().map(string).collect());
    let operator = match &predicate.operator {
        Operator::OneOf(texts) if !predicate.ignore_case => return list(texts),
        Operator::OneOf(texts) => ("one_of", list(texts)),
        Operator::Prefix(texts) => ("prefix", list(texts)),
        Operator::Exists(exists) => ("exists", Yaml::Boolean(*exists)),
    };
    let ignore_case = predicate.ignore_case.then_some(("ignore_case", Yaml::Boolean(true)));
    map([operator].into_iter().chain(ignore_case))
}

/// A text, or `{from: agent}` with a named field, a JSON pointer, or a list of these.
pub(in crate::config) struct HeaderValues;

impl ValueType<BTreeMap<String, HeaderValue>> for HeaderValues {
    fn parse(&self, value: &Value) -> Result<BTreeMap<String, HeaderValue>, String> {
        parse_map(value, "must be a map from names to values", |value| {
            let ValueKind::Table(table) = &value.kind else {
                return scalar(value).map(HeaderValue::Text);
            };
            match (table.len(), table.get("from")) {
                (1, Some(from)) => list(from).map(HeaderValue::From),
                _ => Err("must be a text, or `{from: agent}` with a named field or a JSON pointer".into()),
            }
        })
    }

    fn to_yaml(&self, value: &BTreeMap<String, HeaderValue>) -> Yaml {
        let to_yaml = |(name, value): (&String, &HeaderValue)| {
            let value = match value {
                HeaderValue::Text(text) => string(text),
                HeaderValue::From(pointers) => {
                    map([("from", Yaml::Array(pointers.iter().map(string).collect()))])
                }
            };
            (string(name), value)
        };
        Yaml::Hash(value.iter().map(to_yaml).collect())
    }

    fn text_syntax(&self) -> TextSyntax {
        TextSyntax::Json
    }
}

/// A comma is part of a value.
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
