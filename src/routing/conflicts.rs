//! Conflicts: routes that can never take an event, and topics that Kafka cannot distinguish.

use super::error::RouteError;
use super::route::Route;
use super::table::RouteTable;
use justcall_events::KnownType;
use std::collections::BTreeMap;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// Returns an error for each route whose events earlier routes all take.
pub(super) fn shadowed(routes: &[Route]) -> Vec<RouteError> {
    routes.iter().enumerate().filter_map(|(at, route)| shadow(route, &routes[..at])).collect()
}

/// Returns the error of a route, if earlier routes take all its events.
fn shadow(route: &Route, before: &[Route]) -> Option<RouteError> {
    let mut shadows: Vec<String> = Vec::new();
    // Check known types by name, then the patterns that unknown types can match.
    let known = KnownType::ALL.iter().filter(|known| route.takes(known.name(), Some(known.family())));
    for known in known {
        let takes = |other: &&Route| other.takes(known.name(), Some(known.family())) && ends(other, route);
        shadows.push(before.iter().find(takes)?.name());
    }
    for wanted in route.unknown_alternatives() {
        let takes = |other: &&Route| {
            other.unknown_alternatives().any(|each| each.covers(wanted)) && ends(other, route)
        };
        shadows.push(before.iter().find(takes)?.name());
    }
    shadows.sort_unstable();
    shadows.dedup();
    let reason = match &shadows[..] {
        [] => "takes no event: JustCall has no such type, and unknown types are dead letters unless a route \
               names them in full (`unknown_events`)"
            .into(),
        [one] => format!("never takes an event: `{one}` takes all its events first"),
        several => format!(
            "never takes an event: {} take all its events first",
            several.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ")
        ),
    };
    Some(RouteError { at: route.name(), reason, others: shadows })
}

/// Returns whether the earlier route ends the search for every event that meets the later route's conditions.
fn ends(earlier: &Route, later: &Route) -> bool {
    let is_met = |condition| later.conditions.iter().any(|each| each.implies(condition));
    !earlier.continues && earlier.conditions.iter().all(is_met)
}

/// Returns an error for each pair of topics that differ only in `.` and `_`. Kafka's metrics use one name for
/// both, and Kafka refuses to create the second.
pub(super) fn colliding(table: &RouteTable, default: &Route) -> Vec<RouteError> {
    let mut seen: BTreeMap<String, (String, String)> = BTreeMap::new();
    let mut problems = Vec::new();
    let names = table.routes.iter().chain([default]).flat_map(Route::names);
    // Skip topics that earlier routes leave no events for.
    for (at, name) in names.filter(|(_, name)| table.has_topic(name)) {
        let (other_at, other) =
            seen.entry(name.replace('.', "_")).or_insert_with(|| (at.to_owned(), name.clone()));
        if *other != name {
            let reason = collision(&name, other);
            let problem = RouteError { at: at.to_owned(), reason, others: vec![other_at.clone()] };
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    problems
}

/// Returns the message for two such topics.
fn collision(name: &str, other: &str) -> String {
    format!(
        "the topic `{name}` differs from `{other}` in `.` and `_` only: Kafka's metrics cannot \
         distinguish them, and Kafka creates only one of them"
    )
}

impl RouteTable {
    /// Returns an error for each topic of events that equals the dead-letter topic, or that Kafka cannot
    /// distinguish from it.
    pub fn check_dead_letters(&self, topic: &str) -> Vec<RouteError> {
        let problem = |other: &Arc<str>| {
            let reason = if **other == *topic {
                format!("`{topic}` is also a topic of events; dead letters need their own topic")
            } else if other.replace('.', "_") == topic.replace('.', "_") {
                collision(topic, other)
            } else {
                return None;
            };
            Some(RouteError {
                others: vec![self.setting_of(other)],
                ..RouteError::new("dead_letter.topic", reason)
            })
        };
        self.topics().filter_map(problem).collect()
    }

    fn setting_of(&self, topic: &str) -> String {
        let named = self.routes.iter().flat_map(Route::names).find(|(_, name)| name == topic);
        named.map_or_else(|| "topics.prefix".into(), |(at, _)| at.to_owned())
    }
}
