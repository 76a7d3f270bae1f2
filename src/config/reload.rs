//! Part of new settings that needs no restart.

use super::error::{SettingError, SettingErrors};
use super::printer::to_yaml;
use super::settings::Settings;
use super::validate::event_size::check_max_in_flight;
use crate::routing::{RouteError, RouteTable};
use std::collections::{BTreeMap, BTreeSet};
use yaml_rust2::Yaml;

#[cfg(test)]
mod tests;

pub(crate) struct ReloadPlan {
    /// The old settings, with every change that needs no restart.
    pub(crate) settings: Settings,
    /// One line each, without values of conditions, which may be phone numbers.
    pub(crate) changed: Vec<String>,
    pub(crate) pending_restart: Vec<String>,
    pub(crate) table: RouteTable,
}

impl Settings {
    /// `routes`, `route_templates`, `unknown_events`, `topics` and the `validation` of sources need no
    /// restart. Fails if changes contradict the settings that do.
    pub(crate) fn plan_reload(&self, new: &Self) -> Result<ReloadPlan, SettingErrors> {
        let mut settings = self.clone();
        settings.routing.clone_from(&new.routing);
        settings.kafka.topics.clone_from(&new.kafka.topics);
        for source in &mut settings.ingest.sources {
            if let Some(other) = new.ingest.sources.iter().find(|other| other.name == source.name) {
                source.validation = other.validation;
            }
        }
        let table = compile_routes(&settings)?;
        let (before, after, requested) = (flat(self), flat(&settings), flat(new));
        let pending_restart: BTreeSet<_> = changed_keys(&after, &requested)
            .map(str::to_owned)
            .chain(changed_secrets(&settings, new))
            .collect();
        let mut changed: Vec<_> = changed_keys(&before, &after)
            .map(|key| format!("{key}: {} -> {}", shown(before.get(key)), shown(after.get(key))))
            .collect();
        changed.extend(list_changes("routes", &routes(self), &routes(&settings)));
        changed.extend(list_changes("route_templates", &templates(self), &templates(&settings)));
        Ok(ReloadPlan { settings, changed, pending_restart: pending_restart.into_iter().collect(), table })
    }
}

/// Compares the routes with the dead-letter topic and the memory budget.
fn compile_routes(settings: &Settings) -> Result<RouteTable, SettingErrors> {
    let error = |RouteError { at, reason, .. }| SettingError::without_value(at, None, reason);
    let table = RouteTable::compile(&settings.routing)
        .map_err(|errors| SettingErrors(errors.into_iter().map(error).collect()))?;
    let mut errors: Vec<_> =
        table.check_dead_letters(&settings.ingest.dead_letter.topic).into_iter().map(error).collect();
    if let Err(reason) = check_max_in_flight(settings, Some(&table)) {
        errors.push(SettingError::without_value("server.max_in_flight", None, reason));
    }
    for error in &mut errors {
        error.reason += "; this setting changes only by a restart";
    }
    if errors.is_empty() { Ok(table) } else { Err(SettingErrors(errors)) }
}

/// By key, without routes and templates.
type FlatSettings = BTreeMap<String, Yaml>;

fn flat(settings: &Settings) -> FlatSettings {
    let mut flat = FlatSettings::new();
    flatten("", &to_yaml(settings), &mut flat);
    flat.retain(|key, _| !key.starts_with("routes") && !key.starts_with("route_templates"));
    flat
}

fn flatten(at: &str, yaml: &Yaml, into: &mut FlatSettings) {
    match yaml {
        Yaml::Hash(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                let key = key.as_str().unwrap_or_default();
                flatten(&if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") }, value, into);
            }
        }
        Yaml::Null | Yaml::Hash(_) => {}
        Yaml::Array(items) if items.is_empty() => {}
        other => drop(into.insert(at.to_owned(), other.clone())),
    }
}

fn changed_keys<'a>(before: &'a FlatSettings, after: &'a FlatSettings) -> impl Iterator<Item = &'a str> {
    let removed = before.keys().filter(|key| !after.contains_key(*key));
    let others = after.iter().filter(|(key, value)| before.get(*key) != Some(*value)).map(|(key, _)| key);
    removed.chain(others).map(String::as_str)
}

/// Returns keys of changed secrets, and of changed tokens in URLs, which are not printed.
fn changed_secrets(before: &Settings, after: &Settings) -> Vec<String> {
    let mut keys = Vec::new();
    for old in &before.ingest.sources {
        let Some(new) = after.ingest.sources.iter().find(|new| new.name == old.name) else { continue };
        let differs = [
            ("signature.secrets", old.signature.secrets != new.signature.secrets),
            ("signature.urls", old.signature.urls != new.signature.urls),
            ("token", old.token != new.token),
        ];
        let differing = differs.into_iter().filter(|(_, differs)| *differs);
        keys.extend(differing.map(|(key, _)| format!("sources.{}.{key}", old.name)));
    }
    let (old, new) = (&before.telemetry.otlp.headers, &after.telemetry.otlp.headers);
    let differing = old.iter().filter(|(name, value)| new.get(*name).is_some_and(|other| other != *value));
    keys.extend(differing.map(|(name, _)| after.header_key(name)));
    let (old, new) = (&before.kafka.properties, &after.kafka.properties);
    let differing = old.iter().filter(|(name, value)| new.get(*name).is_some_and(|other| other != *value));
    keys.extend(differing.map(|(name, _)| after.property_key(name)));
    keys
}

fn shown(value: Option<&Yaml>) -> String {
    value.map_or_else(|| "nothing".into(), compact)
}

/// Route or template as it is compared, and as it is shown.
type ComparedRoute = (Yaml, String);

fn routes(settings: &Settings) -> Vec<ComparedRoute> {
    match &to_yaml(settings)["routes"] {
        Yaml::Array(routes) => routes.iter().map(entry).collect(),
        _ => Vec::new(),
    }
}

fn templates(settings: &Settings) -> Vec<ComparedRoute> {
    let Yaml::Hash(templates) = &to_yaml(settings)["route_templates"] else { return Vec::new() };
    let named = |(name, template): (&Yaml, &Yaml)| {
        let (whole, shown) = entry(template);
        let shown = format!("{}: {shown}", name.as_str().unwrap_or_default());
        (Yaml::Array(vec![name.clone(), whole]), shown)
    };
    templates.iter().map(named).collect()
}

fn entry(route: &Yaml) -> ComparedRoute {
    let shown = match route {
        Yaml::Hash(fields) => {
            let field = |(key, value): (&Yaml, &Yaml)| {
                let key = key.as_str()?;
                let value = match value {
                    Yaml::Hash(conditions) if key == "when" => {
                        let pointers: Vec<_> = conditions.keys().filter_map(Yaml::as_str).collect();
                        if pointers.is_empty() { String::new() } else { format!("[{}]", pointers.join(", ")) }
                    }
                    value => compact(value),
                };
                (!value.is_empty()).then(|| format!("{key} {value}"))
            };
            fields.iter().filter_map(field).collect::<Vec<_>>().join(", ")
        }
        other => compact(other),
    };
    (route.clone(), shown)
}

/// One line; an empty list or map is an empty text.
fn compact(yaml: &Yaml) -> String {
    let list = |items: Vec<String>, open: char, close: char| {
        if items.is_empty() { String::new() } else { format!("{open}{}{close}", items.join(", ")) }
    };
    match yaml {
        Yaml::Array(items) => list(items.iter().map(compact).collect(), '[', ']'),
        Yaml::Hash(fields) => {
            let field = |(key, value): (&Yaml, &Yaml)| format!("{}: {}", compact(key), compact(value));
            list(fields.iter().map(field).collect(), '{', '}')
        }
        Yaml::String(text) | Yaml::Real(text) => text.clone(),
        Yaml::Boolean(value) => value.to_string(),
        Yaml::Integer(number) => number.to_string(),
        _ => String::new(),
    }
}

/// Returns a line for each entry outside the longest common subsequence, in order.
fn list_changes(name: &str, before: &[ComparedRoute], after: &[ComparedRoute]) -> Vec<String> {
    // The cost is the product of both lengths, and most changes are in one place.
    let is_same = |(old, new): &(&ComparedRoute, &ComparedRoute)| old.0 == new.0;
    let start = before.iter().zip(after).take_while(is_same).count();
    let (before, after) = (&before[start..], &after[start..]);
    let end = before.iter().rev().zip(after.iter().rev()).take_while(is_same).count();
    let (before, after) = (&before[..before.len() - end], &after[..after.len() - end]);
    // Lengths of the longest common subsequences of the rests.
    let mut common = vec![vec![0_usize; after.len() + 1]; before.len() + 1];
    for old in (0..before.len()).rev() {
        for new in (0..after.len()).rev() {
            common[old][new] = if before[old].0 == after[new].0 {
                common[old + 1][new + 1] + 1
            } else {
                common[old + 1][new].max(common[old][new + 1])
            };
        }
    }
    let (mut old, mut new, mut lines) = (0, 0, Vec::new());
    while old < before.len() || new < after.len() {
        if old < before.len() && new < after.len() && before[old].0 == after[new].0 {
            (old, new) = (old + 1, new + 1);
        } else if new == after.len() || (old < before.len() && common[old + 1][new] >= common[old][new + 1]) {
            lines.push(format!("- {name}[{}]: {}", start + old, before[old].1));
            old += 1;
        } else {
            lines.push(format!("+ {name}[{}]: {}", start + new, after[new].1));
            new += 1;
        }
    }
    lines
}
