use super::{scalar, string, without_control_characters};
use crate::config::schema::visitor::{TextSyntax, ValueType};
use config::{Value, ValueKind};
use std::collections::BTreeMap;
use yaml_rust2::Yaml;

pub(in crate::config) struct TextMap;

impl ValueType<BTreeMap<String, String>> for TextMap {
    fn parse(&self, value: &Value) -> Result<BTreeMap<String, String>, String> {
        parse_texts(value, without_control_characters)
    }

    fn to_yaml(&self, value: &BTreeMap<String, String>) -> Yaml {
        Yaml::Hash(value.iter().map(|(name, text)| (string(name), string(text))).collect())
    }

    fn text_syntax(&self) -> TextSyntax {
        TextSyntax::TextMap
    }
}

pub(super) fn parse_texts(
    value: &Value,
    check: impl Fn(String) -> Result<String, String>,
) -> Result<BTreeMap<String, String>, String> {
    let map = parse_map(value, "must be a map from names to values", |value| check(scalar(value)?))?;
    if map.keys().any(|name| name.is_empty() || name.contains(char::is_control)) {
        return Err("has a name that is empty or contains a control character".into());
    }
    Ok(map)
}

/// The error has the fault of every entry.
pub(super) fn parse_map<T>(
    value: &Value,
    expected: &str,
    parse: impl Fn(&Value) -> Result<T, String>,
) -> Result<BTreeMap<String, T>, String> {
    let ValueKind::Table(table) = &value.kind else { return Err(expected.into()) };
    let (mut map, mut faults) = (BTreeMap::new(), Vec::new());
    for (name, value) in table {
        match parse(value) {
            Ok(parsed) => drop(map.insert(name.clone(), parsed)),
            Err(fault) => faults.push(format!("`{name}` {fault}")),
        }
    }
    faults.sort_unstable();
    if faults.is_empty() { Ok(map) } else { Err(faults.join(", ")) }
}
