//! Entry of `routes`, merged with its template.

use super::config::{RouteConfig, RouteTemplate};
use super::error::RouteError;

/// Entry of `routes`, merged with its template.
pub(super) struct RouteEntry {
    pub(super) index: usize,
    pub(super) config: RouteConfig,
    /// Entry as written, to find the setting that has an error.
    own: RouteConfig,
    template: Option<String>,
}

impl RouteEntry {
    pub(super) fn new(
        index: usize,
        own: &RouteConfig,
        templates: &[RouteTemplate],
        problems: &mut Vec<RouteError>,
    ) -> Self {
        let template = own.template.as_ref().and_then(|name| {
            let found = templates.iter().find(|template| template.name == *name);
            if found.is_none() {
                let reason = format!("there is no `{name}` under `route_templates`");
                problems.push(RouteError::new(format!("routes[{index}].use"), reason));
            }
            found
        });
        let config = template.map_or_else(|| own.clone(), |template| merge(own, &template.route));
        let template = template.map(|template| template.name.clone());
        Self { index, config, own: own.clone(), template }
    }

    pub(super) fn name(&self) -> String {
        format!("routes[{}]", self.index)
    }

    /// Returns the setting of a field: the template's, if the route does not set it.
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

/// Merges a route with its template. The route has precedence.
fn merge(route: &RouteConfig, template: &RouteConfig) -> RouteConfig {
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
