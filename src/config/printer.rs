//! Writes the settings down as the operator would.

use super::form::{Form, Kind, Naming};
use super::layout;
use super::problem::HIDDEN;
use super::settings::Settings;
use crate::ingest::SourceConfig;
use crate::telemetry::OtlpConfig;
use yaml_rust2::yaml::Hash;
use yaml_rust2::{Yaml, YamlEmitter};

#[cfg(test)]
mod tests;

/// The settings in force, defaults included, as YAML that gives them again when it is loaded. Only
/// secrets that were not read from a file are lost: they show as `***`.
pub fn print_config(settings: &Settings) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = YamlEmitter::new(&mut text).dump(&tree(settings));
    let body = text.strip_prefix("---\n").unwrap_or(&text);
    format!("{body}\n")
}

/// The same before it is written out.
pub(super) fn tree(settings: &Settings) -> Yaml {
    let mut settings = settings.clone();
    settings.kafka.properties.retain(|name, _| !settings.property_files.contains_key(name));
    let OtlpConfig { headers, header_files, .. } = &mut settings.telemetry.otlp;
    headers.retain(|name, _| !header_files.contains_key(name));
    settings.ingest.sources.iter_mut().for_each(hide_tokens_in_urls);
    let mut printer = Printer { scopes: vec![Hash::new()] };
    layout::settings(&mut printer, &mut settings);
    Yaml::Hash(printer.scopes.pop().unwrap_or_default())
}

/// Where a token can stand behind the path, it does in the URLs that may be signed. A proxy in front
/// may have other paths: then it is the last segment.
fn hide_tokens_in_urls(source: &mut SourceConfig) {
    if !source.takes_token() {
        return;
    }
    let path = format!("{}/", source.path.trim_end_matches('/'));
    for url in &mut source.signature.urls {
        let behind_path = url.find(&path).map(|at| at + path.len());
        let last_segment = || url.rfind('/').map_or(0, |at| at + 1);
        if !url.ends_with(&source.path) {
            url.truncate(behind_path.unwrap_or_else(last_segment));
            url.push_str(HIDDEN);
        }
    }
}

/// The [`Form`] that prints.
struct Printer {
    /// From the outermost section to the one being written.
    scopes: Vec<Hash>,
}

impl Printer {
    fn put(&mut self, key: &str, value: Yaml) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(Yaml::String(key.into()), value);
        }
    }

    fn scope(&mut self, describe: impl FnOnce(&mut Self)) -> Yaml {
        self.scopes.push(Hash::new());
        describe(self);
        Yaml::Hash(self.scopes.pop().unwrap_or_default())
    }
}

impl Form for Printer {
    fn field<T>(&mut self, key: &'static str, it: &mut T, kind: impl Kind<T>) {
        self.put(key, kind.show(it));
    }

    fn section(&mut self, key: &'static str, describe: impl FnOnce(&mut Self)) {
        let section = self.scope(describe);
        self.put(key, section);
    }

    fn named<T>(
        &mut self,
        key: &'static str,
        it: &mut Vec<T>,
        naming: Naming<T>,
        describe: fn(&mut Self, &mut T),
    ) {
        let entries = it.iter_mut().map(|each| {
            let entry = self.scope(|form| describe(form, each));
            (Yaml::String((naming.name)(each).into()), entry)
        });
        let entries = entries.collect();
        self.put(key, Yaml::Hash(entries));
    }

    fn list<T>(
        &mut self,
        key: &'static str,
        it: &mut Vec<T>,
        _make: fn() -> T,
        describe: fn(&mut Self, &mut T),
    ) {
        let items = it.iter_mut().map(|each| self.scope(|form| describe(form, each))).collect();
        self.put(key, Yaml::Array(items));
    }

    fn default_to<T>(&mut self, _it: &mut T, _default: impl FnOnce() -> T) {}
}
