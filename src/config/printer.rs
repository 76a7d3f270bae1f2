use super::error::HIDDEN;
use super::schema::visit_settings;
use super::schema::visitor::{NamedEntry, SchemaVisitor, ValueType};
use super::settings::Settings;
use crate::ingest::SourceConfig;
use crate::telemetry::OtlpConfig;
use crate::yaml::string;
use yaml_rust2::yaml::Hash;
use yaml_rust2::{Yaml, YamlEmitter};

#[cfg(test)]
mod tests;

/// Returns YAML that loads to the same settings. A secret that is not from a file is printed as `***`.
pub fn print_config(settings: &Settings) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = YamlEmitter::new(&mut text).dump(&to_yaml(settings));
    let body = text.strip_prefix("---\n").unwrap_or(&text);
    format!("{body}\n")
}

pub(super) fn to_yaml(settings: &Settings) -> Yaml {
    let mut settings = settings.clone();
    settings.kafka.properties.retain(|name, _| !settings.property_files.contains_key(name));
    let OtlpConfig { headers, header_files, .. } = &mut settings.telemetry.otlp;
    headers.retain(|name, _| !header_files.contains_key(name));
    settings.ingest.sources.iter_mut().for_each(hide_tokens_in_urls);
    let mut printer = YamlPrinter { scopes: vec![Hash::new()] };
    visit_settings(&mut printer, &mut settings);
    Yaml::Hash(printer.scopes.pop().unwrap_or_default())
}

/// The token follows the source's path. If a proxy changes the path, the token is the last segment.
fn hide_tokens_in_urls(source: &mut SourceConfig) {
    if !source.takes_token() {
        return;
    }
    let path = format!("{}/", source.path.trim_end_matches('/'));
    for url in &mut source.signature.urls {
        let after_path = url.find(&path).map(|at| at + path.len());
        let last_segment = || url.rfind('/').map_or(0, |at| at + 1);
        if !url.ends_with(&source.path) {
            url.truncate(after_path.unwrap_or_else(last_segment));
            url.push_str(HIDDEN);
        }
    }
}

struct YamlPrinter {
    /// Outermost first.
    scopes: Vec<Hash>,
}

impl YamlPrinter {
    fn put(&mut self, key: &str, value: Yaml) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(Yaml::String(key.into()), value);
        }
    }

    fn scope(&mut self, visit: impl FnOnce(&mut Self)) -> Yaml {
        self.scopes.push(Hash::new());
        visit(self);
        Yaml::Hash(self.scopes.pop().unwrap_or_default())
    }
}

impl SchemaVisitor for YamlPrinter {
    fn field<T>(&mut self, key: &'static str, target: &mut T, value_type: impl ValueType<T>) {
        self.put(key, value_type.to_yaml(target));
    }

    fn section(&mut self, key: &'static str, visit: impl FnOnce(&mut Self)) {
        let section = self.scope(visit);
        self.put(key, section);
    }

    fn named<T: NamedEntry>(&mut self, key: &'static str, items: &mut Vec<T>, visit: fn(&mut Self, &mut T)) {
        let entry = |item: &mut T| {
            let yaml = self.scope(|visitor| visit(visitor, item));
            (string(item.name()), yaml)
        };
        let entries = items.iter_mut().map(entry).collect();
        self.put(key, Yaml::Hash(entries));
    }

    fn list<T: Default>(&mut self, key: &'static str, items: &mut Vec<T>, visit: fn(&mut Self, &mut T)) {
        let items = items.iter_mut().map(|item| self.scope(|visitor| visit(visitor, item))).collect();
        self.put(key, Yaml::Array(items));
    }

    fn default_to<T>(&mut self, _target: &mut T, _default: impl FnOnce() -> T) {}
}
