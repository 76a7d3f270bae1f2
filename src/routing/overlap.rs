//! Routes that stand in each other's way, and topics that Kafka cannot tell apart.

use super::compile::Problem;
use super::route::Route;
use super::table::Table;
use justcall_events::KnownType;
use std::collections::BTreeMap;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// Routes that no event can come to, for earlier ones take them all.
pub(super) fn shadowed(routes: &[Route]) -> Vec<Problem> {
    routes.iter().enumerate().filter_map(|(at, route)| shadow_of(route, &routes[..at])).collect()
}

/// What shadows a route, if everything it could take is taken before.
fn shadow_of(route: &Route, before: &[Route]) -> Option<Problem> {
    let mut shadows: Vec<String> = Vec::new();
    // Types first, for those with a name of their own; then what unknown types can match.
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
        [one] => format!("never takes an event: `{one}` before it takes all that it could"),
        several => format!(
            "never takes an event: {} before it take all that it could",
            several.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ")
        ),
    };
    Some(Problem { at: route.name(), reason, others: shadows })
}

/// Whether every event that meets the later route's conditions, and that the earlier one takes too, ends
/// there.
fn ends(earlier: &Route, later: &Route) -> bool {
    let is_met = |condition| later.conditions.iter().any(|each| each.implies(condition));
    !earlier.continues && earlier.conditions.iter().all(is_met)
}

/// Topics that differ in `.` and `_` alone: Kafka's metrics call them by one name, so that it refuses
/// to make the second.
pub(super) fn colliding(table: &Table, rest: &Route) -> Vec<Problem> {
    let mut seen: BTreeMap<String, (String, String)> = BTreeMap::new();
    let mut problems = Vec::new();
    let names = table.routes.iter().chain([rest]).flat_map(Route::names);
    // Not those that earlier routes leave nothing for.
    for (at, name) in names.filter(|(_, name)| table.has_topic(name)) {
        let (other_at, other) =
            seen.entry(name.replace('.', "_")).or_insert_with(|| (at.to_owned(), name.clone()));
        if *other != name {
            let reason = collision(&name, other);
            let problem = Problem { at: at.to_owned(), reason, others: vec![other_at.clone()] };
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    problems
}

/// What is said of two such topics.
fn collision(name: &str, other: &str) -> String {
    format!(
        "the topic `{name}` differs from `{other}` in `.` and `_` only: Kafka's metrics cannot tell them \
         apart, and it makes only one of them"
    )
}

impl Table {
    /// What keeps a topic from being that of the dead letters: events go to it, or to one that Kafka
    /// cannot tell from it.
    pub fn check_dead_letters(&self, topic: &str) -> Vec<Problem> {
        let problem = |other: &Arc<str>| {
            let reason = if **other == *topic {
                format!("`{topic}` is also a topic that events go to; dead letters need their own")
            } else if other.replace('.', "_") == topic.replace('.', "_") {
                collision(topic, other)
            } else {
                return None;
            };
            Some(Problem {
                others: vec![self.setting_of(other)],
                ..Problem::new("dead_letter.topic", reason)
            })
        };
        self.topics().filter_map(problem).collect()
    }

    /// The setting that names a topic.
    fn setting_of(&self, topic: &str) -> String {
        let named = self.routes.iter().flat_map(Route::names).find(|(_, name)| name == topic);
        named.map_or_else(|| "topics.prefix".into(), |(at, _)| at.to_owned())
    }
}
