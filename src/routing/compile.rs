//! From what the operator wrote to routes that hold, or to everything that is wrong with them.

use super::config::{Config, RouteConfig, RouteTemplate};
use super::overlap;
use super::route::Route;
use super::table::Table;
use super::values::Pointers;
use std::fmt;

#[cfg(test)]
mod tests;

/// Something wrong with the settings of the routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting, such as `routes[2].topics[0]`.
    pub at: String,
    /// What is wrong with it and what would be right.
    pub reason: String,
    /// Other settings that it contradicts.
    pub others: Vec<String>,
}

impl Problem {
    pub(super) fn new(at: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { at: at.into(), reason: reason.into(), others: Vec::new() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.reason)
    }
}

impl std::error::Error for Problem {}

impl Table {
    /// Checks the settings and works out where each type goes.
    ///
    /// # Errors
    /// Every problem there is, in the order of the settings.
    pub fn compile(config: &Config) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut pointers = Pointers::default();
        let rest = Route::of_the_rest(config, &mut problems);
        let mut routes = Vec::with_capacity(config.routes.len());
        for (index, route) in config.routes.iter().enumerate() {
            let entry = Entry::new(index, route, &config.templates, &mut problems);
            let route = Route::read(&entry, config.unknown_events, &mut pointers, &mut problems);
            problems.extend(route.check_topics(&routes));
            routes.push(route);
        }
        if !problems.is_empty() {
            return Err(once_each(problems));
        }
        problems.extend(overlap::shadowed(&routes));
        let table = Self::new(routes, &rest, pointers);
        problems.extend(overlap::colliding(&table, &rest));
        if problems.is_empty() { Ok(table) } else { Err(problems) }
    }
}

/// A mistake of a template is found with every route that uses it.
fn once_each(problems: Vec<Problem>) -> Vec<Problem> {
    let mut kept: Vec<Problem> = Vec::with_capacity(problems.len());
    for problem in problems {
        if !kept.contains(&problem) {
            kept.push(problem);
        }
    }
    kept
}

/// An entry of `routes` with what its template says for it.
pub(super) struct Entry {
    pub(super) index: usize,
    pub(super) config: RouteConfig,
    /// The entry as it stands, to tell whose mistake is whose.
    own: RouteConfig,
    template: Option<String>,
}

impl Entry {
    fn new(
        index: usize,
        own: &RouteConfig,
        templates: &[RouteTemplate],
        problems: &mut Vec<Problem>,
    ) -> Self {
        let template = own.template.as_ref().and_then(|name| {
            let found = templates.iter().find(|template| template.name == *name);
            if found.is_none() {
                let reason = format!("there is no `{name}` under `route_templates`");
                problems.push(Problem::new(format!("routes[{index}].use"), reason));
            }
            found
        });
        let config = template.map_or_else(|| own.clone(), |template| over(own, &template.route));
        let template = template.map(|template| template.name.clone());
        Self { index, config, own: own.clone(), template }
    }

    /// The whole entry as a setting.
    pub(super) fn name(&self) -> String {
        format!("routes[{}]", self.index)
    }

    /// The setting of a field: the template's, where the route leaves it to that.
    pub(super) fn at(&self, field: &str) -> String {
        let (name, item) = field.split_once(['.', '[']).unwrap_or((field, ""));
        let own = match name {
            "match" => !self.own.matches.is_empty(),
            "when" => self.own.when.contains_key(item),
            "topics" => !self.own.topics.is_empty(),
            "key" => !self.own.key.is_empty(),
            "headers" if item.is_empty() => !self.own.headers.is_empty(),
            "headers" => self.own.headers.contains_key(item),
            "drop" => self.own.drop.is_some(),
            _ => self.own.continues.is_some(),
        };
        match &self.template {
            Some(template) if !own => format!("route_templates.{template}.{field}"),
            _ => format!("{}.{field}", self.name()),
        }
    }
}

/// Lays a route over its template.
fn over(route: &RouteConfig, template: &RouteConfig) -> RouteConfig {
    let list = |own: &Vec<String>, common: &Vec<String>| if own.is_empty() { common } else { own }.clone();
    let mut whole = template.clone();
    if !route.matches.is_empty() {
        whole.matches.clone_from(&route.matches);
    }
    whole.when.extend(route.when.clone());
    whole.headers.extend(route.headers.clone());
    RouteConfig {
        template: None,
        topics: list(&route.topics, &template.topics),
        key: list(&route.key, &template.key),
        drop: route.drop.or(template.drop),
        continues: route.continues.or(template.continues),
        ..whole
    }
}
