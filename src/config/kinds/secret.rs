//! Values that are secret, or may be.

use super::{Kind, TextMap, by_name, quoted, scalar, string};
use crate::config::problem::HIDDEN;
use crate::kafka::properties::is_secret;
use crate::secret::Secret;
use config::{Value, ValueKind};
use std::collections::BTreeMap;
use yaml_rust2::Yaml;

/// YAML makes 83 of 0083 and rounds long numbers, which no one would find in a secret.
fn is_text(value: &Value) -> bool {
    matches!(value.kind, ValueKind::String(_))
}

/// A secret.
pub(in crate::config) struct SecretText;

impl Kind<Secret> for SecretText {
    fn read(&self, value: &Value) -> Result<Secret, String> {
        let text = scalar(value)?;
        match text.as_str() {
            "" => Err("is empty".into()),
            _ if is_text(value) => Ok(Secret::new(text)),
            _ => Err("must be in quotes".into()),
        }
    }

    fn show(&self, _: &Secret) -> Yaml {
        string(HIDDEN)
    }
}

/// One secret or a list of them; one text may hold several, separated by commas.
pub(in crate::config) struct SecretTexts;

impl Kind<Vec<Secret>> for SecretTexts {
    fn read(&self, value: &Value) -> Result<Vec<Secret>, String> {
        if let ValueKind::Array(items) = &value.kind {
            return items.iter().map(|item| SecretText.read(item)).collect();
        }
        let several = SecretText.read(value)?;
        let mut each = several.expose().split(',').map(str::trim);
        if each.clone().any(str::is_empty) {
            Err("has an empty part between commas".into())
        } else {
            Ok(each.by_ref().map(Secret::from).collect())
        }
    }

    fn show(&self, it: &Vec<Secret>) -> Yaml {
        Yaml::Array(it.iter().map(|secret| SecretText.show(secret)).collect())
    }
}

/// Secrets by name.
pub(in crate::config) struct SecretMap;

impl Kind<BTreeMap<String, Secret>> for SecretMap {
    fn read(&self, value: &Value) -> Result<BTreeMap<String, Secret>, String> {
        by_name(value, "must be a map from names to secrets", |value| SecretText.read(value))
    }

    fn show(&self, it: &BTreeMap<String, Secret>) -> Yaml {
        Yaml::Hash(it.iter().map(|(name, secret)| (string(name), SecretText.show(secret))).collect())
    }
}

/// librdkafka properties: [`TextMap`], printed without secrets.
pub(in crate::config) struct Properties;

impl Kind<BTreeMap<String, Secret>> for Properties {
    fn read(&self, value: &Value) -> Result<BTreeMap<String, Secret>, String> {
        let map = TextMap.read(value)?;
        let map: BTreeMap<_, _> = map.into_iter().map(|(name, text)| (name, Secret::new(text))).collect();
        let ValueKind::Table(table) = &value.kind else { return Ok(map) };
        let changed: Vec<_> = map
            .keys()
            .map(String::as_str)
            .filter(|name| is_secret(name) && !table.get(*name).is_some_and(is_text))
            .collect();
        if changed.is_empty() {
            Ok(map)
        } else {
            Err(format!("{} must be in quotes", quoted(changed.into_iter())))
        }
    }

    fn show(&self, it: &BTreeMap<String, Secret>) -> Yaml {
        let shown = |name: &String, value: &Secret| {
            if is_secret(name) { HIDDEN.to_owned() } else { value.expose().to_owned() }
        };
        TextMap.show(&it.iter().map(|(name, value)| (name.clone(), shown(name, value))).collect())
    }
}
