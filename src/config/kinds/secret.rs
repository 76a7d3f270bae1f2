//! Values that are secret, or may be.

use super::{Kind, TextMap, Written, by_name, scalar, string};
use crate::config::problem::HIDDEN;
use crate::kafka::properties::is_secret;
use crate::secret::Secret;
use config::{Value, ValueKind};
use std::collections::BTreeMap;
use yaml_rust2::Yaml;

/// A secret.
pub(in crate::config) struct SecretText;

impl Kind<Secret> for SecretText {
    fn read(&self, value: &Value) -> Result<Secret, String> {
        let text = scalar(value)?;
        match text.as_str() {
            "" => Err("is empty".into()),
            _ => Ok(Secret::new(text)),
        }
    }

    fn show(&self, _: &Secret) -> Yaml {
        string(HIDDEN)
    }

    fn is_secret(&self, _entry: Option<&str>) -> bool {
        true
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

    fn written(&self) -> Written {
        Written::TextOrList
    }

    fn is_secret(&self, _entry: Option<&str>) -> bool {
        true
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

    fn written(&self) -> Written {
        Written::TextMap
    }

    fn is_secret(&self, _entry: Option<&str>) -> bool {
        true
    }
}

/// librdkafka properties: [`TextMap`], printed without secrets.
pub(in crate::config) struct Properties;

impl Kind<BTreeMap<String, Secret>> for Properties {
    fn read(&self, value: &Value) -> Result<BTreeMap<String, Secret>, String> {
        let map = TextMap.read(value)?;
        Ok(map.into_iter().map(|(name, text)| (name, Secret::new(text))).collect())
    }

    fn show(&self, it: &BTreeMap<String, Secret>) -> Yaml {
        let shown = |name: &String, value: &Secret| {
            if is_secret(name) { HIDDEN.to_owned() } else { value.expose().to_owned() }
        };
        TextMap.show(&it.iter().map(|(name, value)| (name.clone(), shown(name, value))).collect())
    }

    fn written(&self) -> Written {
        Written::TextMap
    }

    fn is_secret(&self, entry: Option<&str>) -> bool {
        // Properties that name a place hold no secret themselves.
        const PLACES: [&str; 3] = [".location", ".url", ".keytab"];
        entry.is_some_and(|name| is_secret(name) && !PLACES.iter().any(|end| name.ends_with(end)))
    }
}
