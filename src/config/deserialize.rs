use super::error::SettingError;
use super::schema::visit_settings;
use super::schema::visitor::{NamedEntry, SchemaVisitor, ValueType};
use super::settings::Settings;
use super::value_types::quoted;
use config::{Map, Value, ValueKind};

pub(super) fn deserialize(root: &Value, errors: &mut Vec<SettingError>) -> Settings {
    let mut settings = Settings::default();
    let mut deserializer = Deserializer { scopes: Vec::new(), errors };
    deserializer.scope(String::new(), root.clone(), |visitor| visit_settings(visitor, &mut settings));
    settings
}

/// A setting with an invalid value keeps its default.
struct Deserializer<'e> {
    /// Outermost first.
    scopes: Vec<Scope>,
    errors: &'e mut Vec<SettingError>,
}

struct Scope {
    path: String,
    /// Values not read yet.
    rest: Map<String, Value>,
    known_keys: Vec<&'static str>,
}

impl Deserializer<'_> {
    fn take(&mut self, key: &'static str) -> Option<Value> {
        let scope = self.scopes.last_mut()?;
        scope.known_keys.push(key);
        scope.rest.remove(key).filter(|value| value.kind != ValueKind::Nil)
    }

    fn path(&self, key: &str) -> String {
        match self.scopes.last() {
            Some(scope) if !scope.path.is_empty() => format!("{}.{key}", scope.path),
            _ => key.to_owned(),
        }
    }

    fn report(&mut self, path: String, value: &Value, reason: &str) {
        self.errors.push(SettingError::with(path, value, reason.to_owned()));
    }

    fn scope(&mut self, path: String, value: Value, visit: impl FnOnce(&mut Self)) {
        match value.kind {
            ValueKind::Nil => {}
            ValueKind::Table(rest) => {
                self.scopes.push(Scope { path, rest, known_keys: Vec::new() });
                visit(self);
                self.report_unknown_keys();
                self.scopes.pop();
            }
            _ => self.report(path, &value, "must be a map of settings"),
        }
    }

    /// Without values, because a value may be a secret under a misspelt name.
    fn report_unknown_keys(&mut self) {
        let Some(scope) = self.scopes.last() else { return };
        let mut unknown: Vec<_> = scope.rest.iter().collect();
        unknown.sort_unstable_by_key(|(key, _)| *key);
        let error = |(key, value): (&String, &Value)| {
            SettingError::without_value(self.path(key), value.origin(), unknown_key(key, &scope.known_keys))
        };
        let errors: Vec<_> = unknown.into_iter().map(error).collect();
        self.errors.extend(errors);
    }
}

/// Bytes of an unknown key for which a similar one is looked up.
const MAX_MISSPELT_LEN: usize = 64;

fn unknown_key(key: &str, known_keys: &[&str]) -> String {
    // The distance to a long key would take much memory.
    let known_keys_nearby = if key.len() <= MAX_MISSPELT_LEN { known_keys } else { &[] };
    let nearest = known_keys_nearby.iter().min_by_key(|known| strsim::damerau_levenshtein(known, key));
    match nearest.filter(|known| strsim::damerau_levenshtein(known, key) <= known.len().div_ceil(3)) {
        Some(nearest) => format!("is not a setting; did you mean `{nearest}`?"),
        None => format!("is not a setting; the settings here are {}", quoted(known_keys.iter().copied())),
    }
}

impl SchemaVisitor for Deserializer<'_> {
    fn field<T>(&mut self, key: &'static str, target: &mut T, value_type: impl ValueType<T>) {
        let Some(value) = self.take(key) else { return };
        match value_type.parse(&value) {
            Ok(parsed) => *target = parsed,
            Err(reason) => self.report(self.path(key), &value, &reason),
        }
    }

    fn section(&mut self, key: &'static str, visit: impl FnOnce(&mut Self)) {
        if let Some(value) = self.take(key) {
            self.scope(self.path(key), value, visit);
        }
    }

    fn named<T: NamedEntry>(&mut self, key: &'static str, items: &mut Vec<T>, visit: fn(&mut Self, &mut T)) {
        let Some(value) = self.take(key) else { return };
        let ValueKind::Table(table) = value.kind else {
            return self.report(self.path(key), &value, "must be a map from names to settings");
        };
        let mut named: Vec<_> = table.into_iter().collect();
        named.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        items.clear();
        for (name, value) in named {
            let mut item = T::with_name(&name);
            self.scope(self.path(&format!("{key}.{name}")), value, |visitor| visit(visitor, &mut item));
            items.push(item);
        }
    }

    fn list<T: Default>(&mut self, key: &'static str, items: &mut Vec<T>, visit: fn(&mut Self, &mut T)) {
        let Some(value) = self.take(key) else { return };
        let ValueKind::Array(values) = value.kind else {
            return self.report(self.path(key), &value, "must be a list");
        };
        items.clear();
        for (index, value) in values.into_iter().enumerate() {
            let mut item = T::default();
            self.scope(self.path(&format!("{key}[{index}]")), value, |visitor| visit(visitor, &mut item));
            items.push(item);
        }
    }

    fn default_to<T>(&mut self, target: &mut T, default: impl FnOnce() -> T) {
        *target = default();
    }
}
