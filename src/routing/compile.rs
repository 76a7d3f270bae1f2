//! Compilation of the settings into a [`RouteTable`], with all their errors.

use super::config::Config;
use super::conflicts;
use super::error::RouteError;
use super::field_values::FieldTable;
use super::route::Route;
use super::route_entry::RouteEntry;
use super::table::RouteTable;

#[cfg(test)]
mod tests;

impl RouteTable {
    /// Validates the settings and resolves the routes of each event type.
    ///
    /// # Errors
    /// All errors, in the order of the settings.
    pub fn compile(config: &Config) -> Result<Self, Vec<RouteError>> {
        let mut problems = Vec::new();
        let mut fields = FieldTable::default();
        let default = Route::default_route(config, &mut problems);
        let mut routes = Vec::with_capacity(config.routes.len());
        for (index, route) in config.routes.iter().enumerate() {
            let entry = RouteEntry::new(index, route, &config.templates, &mut problems);
            let route = Route::read(&entry, config.unknown_events, &mut fields, &mut problems);
            problems.extend(route.check_topics(&routes));
            routes.push(route);
        }
        if !problems.is_empty() {
            return Err(deduplicate(problems));
        }
        problems.extend(conflicts::shadowed(&routes));
        let table = Self::new(routes, &default, fields);
        problems.extend(conflicts::colliding(&table, &default));
        if problems.is_empty() { Ok(table) } else { Err(problems) }
    }
}

/// Removes duplicates: an error in a template is found with every route that uses it.
fn deduplicate(problems: Vec<RouteError>) -> Vec<RouteError> {
    let mut kept: Vec<RouteError> = Vec::with_capacity(problems.len());
    for problem in problems {
        if !kept.contains(&problem) {
            kept.push(problem);
        }
    }
    kept
}
