use crate::config::error::SettingError;
use crate::config::value_path::value_at;
use crate::routing::RouteError;
use config::Value;

pub(super) struct ValidationErrors<'a> {
    root: &'a Value,
    errors: &'a mut Vec<SettingError>,
    /// Errors of the deserialization come first.
    deserialization_count: usize,
}

impl<'a> ValidationErrors<'a> {
    pub(super) fn new(root: &'a Value, errors: &'a mut Vec<SettingError>) -> Self {
        Self { root, deserialization_count: errors.len(), errors }
    }

    pub(super) fn len(&self) -> usize {
        self.errors.len()
    }

    pub(super) fn keys_from(&self, index: usize) -> impl Iterator<Item = &str> {
        self.errors[index..].iter().map(|error| error.key.as_str())
    }

    /// Ignores settings that were not deserialized, also those in such a map.
    pub(super) fn add(&mut self, key: impl Into<String>, reason: impl Into<String>) {
        let key = key.into();
        let covers = |error: &SettingError| {
            key.strip_prefix(&error.key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        if self.errors[..self.deserialization_count].iter().any(covers) {
            return;
        }
        self.errors.push(match value_at(self.root, &key) {
            Some(value) => SettingError::with(key, value, reason.into()),
            None => {
                let origin = self.nearest(&key).and_then(Value::origin);
                SettingError::without_value(key, origin, reason)
            }
        });
    }

    fn nearest(&self, key: &str) -> Option<&Value> {
        let ends = key.rmatch_indices(['.', '[']).map(|(at, _)| at);
        ends.into_iter().find_map(|end| value_at(self.root, &key[..end]))
    }

    /// Adds the origins of the other settings involved. Routes that were not deserialized completely
    /// contradict nothing.
    pub(super) fn add_routing(&mut self, error: RouteError) {
        let is_in_routes = |error: &SettingError| error.key.starts_with("route");
        if !error.others.is_empty() && self.errors[..self.deserialization_count].iter().any(is_in_routes) {
            return;
        }
        let origin = |key: &String| {
            let origin = value_at(self.root, key).and_then(Value::origin)?;
            Some(format!("`{key}` is at {origin}"))
        };
        let others: Vec<_> = error.others.iter().filter_map(origin).collect();
        let others = if others.is_empty() { String::new() } else { format!(" ({})", others.join(", ")) };
        self.add(error.at, error.reason + &others);
    }
}
