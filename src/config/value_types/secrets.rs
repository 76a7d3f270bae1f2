use super::maps::{TextMap, parse_map, parse_texts};
use super::{NonEmptyText, scalar, string};
use crate::config::error::HIDDEN;
use crate::config::schema::visitor::{TextSyntax, ValueType};
use crate::kafka::properties::is_secret;
use crate::secret::Secret;
use config::{Value, ValueKind};
use std::collections::BTreeMap;
use yaml_rust2::Yaml;

pub(in crate::config) struct SecretText;

impl ValueType<Secret> for SecretText {
    fn parse(&self, value: &Value) -> Result<Secret, String> {
        NonEmptyText.parse(value).map(Secret::new)
    }

    fn to_yaml(&self, _: &Secret) -> Yaml {
        string(HIDDEN)
    }

    fn is_secret(&self, _entry: Option<&str>) -> bool {
        true
    }
}

/// List of secrets, or one text with the secrets separated by commas.
pub(in crate::config) struct SecretList;

impl ValueType<Vec<Secret>> for SecretList {
    fn parse(&self, value: &Value) -> Result<Vec<Secret>, String> {
        if let ValueKind::Array(items) = &value.kind {
            return items.iter().map(|item| SecretText.parse(item)).collect();
        }
        let several = SecretText.parse(value)?;
        let mut each = several.expose().split(',').map(str::trim);
        if each.clone().any(str::is_empty) {
            Err("has an empty part between commas".into())
        } else {
            Ok(each.by_ref().map(Secret::from).collect())
        }
    }

    fn to_yaml(&self, value: &Vec<Secret>) -> Yaml {
        Yaml::Array(value.iter().map(|secret| SecretText.to_yaml(secret)).collect())
    }

    fn text_syntax(&self) -> TextSyntax {
        TextSyntax::TextOrList
    }

    fn is_secret(&self, _entry: Option<&str>) -> bool {
        true
    }
}

pub(in crate::config) struct SecretMap;

impl ValueType<BTreeMap<String, Secret>> for SecretMap {
    fn parse(&self, value: &Value) -> Result<BTreeMap<String, Secret>, String> {
        // Validation names the header with a control character.
        parse_map(value, "must be a map from names to secrets", |value| match scalar(value)? {
            text if text.is_empty() => Err("is empty".into()),
            text => Ok(Secret::new(text)),
        })
    }

    fn to_yaml(&self, value: &BTreeMap<String, Secret>) -> Yaml {
        Yaml::Hash(value.iter().map(|(name, secret)| (string(name), SecretText.to_yaml(secret))).collect())
    }

    fn text_syntax(&self) -> TextSyntax {
        TextSyntax::TextMap
    }

    fn is_secret(&self, _entry: Option<&str>) -> bool {
        true
    }
}

/// [`TextMap`] that is printed without secrets.
pub(in crate::config) struct KafkaProperties;

impl ValueType<BTreeMap<String, Secret>> for KafkaProperties {
    fn parse(&self, value: &Value) -> Result<BTreeMap<String, Secret>, String> {
        // Validation names the property with a control character, and accepts the lines of a certificate.
        let map = parse_texts(value, Ok)?;
        Ok(map.into_iter().map(|(name, text)| (name, Secret::new(text))).collect())
    }

    fn to_yaml(&self, value: &BTreeMap<String, Secret>) -> Yaml {
        let shown = |name: &String, value: &Secret| {
            if is_secret(name) { HIDDEN.to_owned() } else { value.expose().to_owned() }
        };
        TextMap.to_yaml(&value.iter().map(|(name, value)| (name.clone(), shown(name, value))).collect())
    }

    fn text_syntax(&self) -> TextSyntax {
        TextSyntax::TextMap
    }

    fn is_secret(&self, entry: Option<&str>) -> bool {
        // Names of files and URLs contain no secret.
        const LOCATIONS: [&str; 3] = [".location", ".url", ".keytab"];
        entry.is_some_and(|name| is_secret(name) && !LOCATIONS.iter().any(|end| name.ends_with(end)))
    }
}
