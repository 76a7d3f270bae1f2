//! What new settings come to for a bridge that runs: what changes at once, and what has to wait.

use super::check::{header_key, holds_one_event, property_key};
use super::printer::tree;
use super::problem::{Problem, Problems};
use super::settings::Settings;
use crate::routing::{self, RouteTable};
use std::collections::{BTreeMap, BTreeSet};
use yaml_rust2::Yaml;

#[cfg(test)]
mod tests;

/// What new settings come to.
pub struct Reload {
    /// The settings in force from now on: the old ones, with everything new that can change at run time.
    pub settings: Settings,
    /// The difference, a line for each thing. Values of conditions are not shown: they may be phone
    /// numbers.
    pub changed: Vec<String>,
    /// Settings that are new too and wait for a restart.
    pub waiting: Vec<String>,
    /// The routes of `settings`, worked out.
    pub table: RouteTable,
}

impl Settings {
    /// Works out what `new` settings come to. At run time can change: `routes`, `route_templates`,
    /// `unknown_events`, `topics` and the `validation` of sources.
    ///
    /// # Errors
    /// Where what is new and what has to wait contradict each other.
    pub fn reload(&self, new: &Self) -> Result<Reload, Problems> {
        let mut settings = self.clone();
        settings.routing.clone_from(&new.routing);
        settings.kafka.topics.clone_from(&new.kafka.topics);
        for source in &mut settings.ingest.sources {
            if let Some(other) = new.ingest.sources.iter().find(|other| other.name == source.name) {
                source.validation = other.validation;
            }
        }
        let table = agree(&settings)?;
        let (before, after, wished) = (said(self), said(&settings), said(new));
        let waiting: BTreeSet<_> =
            differing(&after, &wished).map(str::to_owned).chain(differing_unseen(&settings, new)).collect();
        let mut changed: Vec<_> = differing(&before, &after)
            .map(|key| format!("{key}: {} -> {}", shown(before.get(key)), shown(after.get(key))))
            .collect();
        changed.extend(difference("routes", &routes(self), &routes(&settings)));
        changed.extend(difference("route_templates", &templates(self), &templates(&settings)));
        Ok(Reload { settings, changed, waiting: waiting.into_iter().collect(), table })
    }
}

/// Works the routes out. They must agree with what cannot change: the dead-letter topic, and the room for
/// one event.
fn agree(settings: &Settings) -> Result<RouteTable, Problems> {
    let problem = |routing::RouteError { at, reason, .. }| Problem::without_value(at, None, reason);
    let table = RouteTable::compile(&settings.routing)
        .map_err(|problems| Problems(problems.into_iter().map(problem).collect()))?;
    let mut problems: Vec<_> =
        table.check_dead_letters(&settings.ingest.dead_letter.topic).into_iter().map(problem).collect();
    if let Err(reason) = holds_one_event(settings, Some(&table)) {
        problems.push(Problem::without_value("server.max_in_flight", None, reason));
    }
    for problem in &mut problems {
        problem.reason += "; this setting can be changed by a restart only";
    }
    if problems.is_empty() { Ok(table) } else { Err(Problems(problems)) }
}

/// Every setting but the routes that is there, with what it is.
type Said = BTreeMap<String, Yaml>;

fn said(settings: &Settings) -> Said {
    let mut said = Said::new();
    flatten("", &tree(settings), &mut said);
    said.retain(|key, _| !key.starts_with("routes") && !key.starts_with("route_templates"));
    said
}

fn flatten(at: &str, yaml: &Yaml, into: &mut Said) {
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

fn differing<'a>(before: &'a Said, after: &'a Said) -> impl Iterator<Item = &'a str> {
    let gone = before.keys().filter(|key| !after.contains_key(*key));
    let others = after.iter().filter(|(key, value)| before.get(*key) != Some(*value)).map(|(key, _)| key);
    gone.chain(others).map(String::as_str)
}

/// Settings that differ in what is not shown of them: secrets, and tokens in URLs.
fn differing_unseen(before: &Settings, after: &Settings) -> Vec<String> {
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
    keys.extend(differing.map(|(name, _)| header_key(after, name)));
    let (old, new) = (&before.kafka.properties, &after.kafka.properties);
    let differing = old.iter().filter(|(name, value)| new.get(*name).is_some_and(|other| other != *value));
    keys.extend(differing.map(|(name, _)| property_key(after, name)));
    keys
}

fn shown(value: Option<&Yaml>) -> String {
    value.map_or_else(|| "nothing".into(), compact)
}

/// An entry as it is compared, and as it is shown.
type Line = (Yaml, String);

fn routes(settings: &Settings) -> Vec<Line> {
    match &tree(settings)["routes"] {
        Yaml::Array(routes) => routes.iter().map(line).collect(),
        _ => Vec::new(),
    }
}

fn templates(settings: &Settings) -> Vec<Line> {
    let Yaml::Hash(templates) = &tree(settings)["route_templates"] else { return Vec::new() };
    let named = |(name, template): (&Yaml, &Yaml)| {
        let (whole, shown) = line(template);
        let shown = format!("{}: {shown}", name.as_str().unwrap_or_default());
        (Yaml::Array(vec![name.clone(), whole]), shown)
    };
    templates.iter().map(named).collect()
}

fn line(route: &Yaml) -> Line {
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

/// YAML in one line; nothing for what is empty.
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
        Yaml::Boolean(it) => it.to_string(),
        Yaml::Integer(number) => number.to_string(),
        _ => String::new(),
    }
}

/// The lines that went and those that came, in their order: what stays is the longest part that both
/// lists have in common.
fn difference(name: &str, before: &[Line], after: &[Line]) -> Vec<String> {
    // Of the rests from each place on, the length of what they have in common.
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
            lines.push(format!("- {name}[{old}]: {}", before[old].1));
            old += 1;
        } else {
            lines.push(format!("+ {name}[{new}]: {}", after[new].1));
            new += 1;
        }
    }
    lines
}
