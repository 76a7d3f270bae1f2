//! Where each event goes.

use super::compile::Route;
use super::pointer::Pointer;
use crate::event::{Event, EventType, Family, KnownType};
use crate::record::Headers;
use std::collections::BTreeSet;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// The routes, worked out: known types are looked up, only unknown ones walk the patterns.
#[derive(Debug, Clone)]
pub struct Table {
    /// In the order of [`KnownType::index`].
    known: Box<[Destination]>,
    /// The routes that can take an unknown type.
    unknown: Box<[UnknownRoute]>,
    topics: BTreeSet<Arc<str>>,
}

/// Where an event goes and what its records say besides the event's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Index of the route in `routes`; `None` where no route took the type.
    pub route: Option<usize>,
    /// One or several topics, each once.
    pub topics: Box<[Arc<str>]>,
    /// Where the key stands, tried in order before the entity id.
    pub key: Arc<[Pointer]>,
    /// The route's own headers.
    pub headers: Headers,
}

/// What the table makes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision<'t> {
    /// It becomes records.
    Forward(&'t Destination),
    /// Its type is unknown, no route names it, and such types become dead letters.
    DeadLetter,
}

/// A route as unknown types see it: the type's name tells the family at most.
#[derive(Debug, Clone)]
struct UnknownRoute {
    route: Route,
    /// By family, and last without one; `None` where the route takes no such type.
    destinations: [Option<Destination>; SLOTS.len()],
}

/// Every kind of unknown type: of each family in the order of [`Family::index`], and of none.
pub(super) const SLOTS: [Option<Family>; Family::ALL.len() + 1] = [
    Some(Family::Call),
    Some(Family::Sms),
    Some(Family::Whatsapp),
    Some(Family::Contact),
    Some(Family::Appointment),
    None,
];

impl Table {
    /// Works the table out of checked routes, of which the last takes every known type.
    pub(super) fn new(routes: &[Route], rest: &Route) -> Self {
        let mut topics = BTreeSet::new();
        let known = KnownType::ALL
            .iter()
            .map(|known| {
                let takes = |route: &&Route| route.takes(known.name(), Some(known.family()));
                let route = routes.iter().find(takes).unwrap_or(rest);
                destination(route, Some(*known), Some(known.family()), &mut topics)
            })
            .collect();
        let mut unknown = Vec::new();
        for route in routes.iter().chain([rest]).filter_map(Route::for_unknown_types) {
            let is_last = route.is_catch_all();
            unknown.push(UnknownRoute {
                destinations: SLOTS.map(|family| {
                    route.can_take_unknown(family).then(|| destination(&route, None, family, &mut topics))
                }),
                route,
            });
            if is_last {
                break;
            }
        }
        Self { known, unknown: unknown.into(), topics }
    }

    /// Where an event goes.
    pub fn decide(&self, event: &Event<'_>) -> Decision<'_> {
        let destination = match &event.event_type {
            EventType::Known(known) => self.known.get(known.index()),
            EventType::Unknown(name) => self.unknown_destination(name, event.event_type.family()),
        };
        destination.map_or(Decision::DeadLetter, Decision::Forward)
    }

    /// Every topic that an event can go to, in alphabetical order. With `{family}` behind a pattern
    /// that leaves the family open, that is a topic for each family.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<str>> {
        self.topics.iter()
    }

    /// Where events can go, as far as their type tells: each known type, then what is unknown, by
    /// family where its name tells one.
    pub fn destinations(&self) -> impl Iterator<Item = (Option<KnownType>, Option<Family>, &Destination)> {
        let known = KnownType::ALL.iter().zip(&self.known);
        let known = known.map(|(known, destination)| (Some(*known), Some(known.family()), destination));
        let unknown = self.unknown.iter().flat_map(|route| SLOTS.into_iter().zip(&route.destinations));
        known.chain(unknown.filter_map(|(family, to)| Some((None, family, to.as_ref()?))))
    }

    fn unknown_destination(&self, name: &str, family: Option<Family>) -> Option<&Destination> {
        let slot = family.map_or(Family::ALL.len(), Family::index);
        self.unknown
            .iter()
            .filter(|each| each.route.takes(name, family))
            .find_map(|each| each.destinations[slot].as_ref())
    }
}

/// Expands a route for one type, or for the unknown types of a family.
fn destination(
    route: &Route,
    known: Option<KnownType>,
    family: Option<Family>,
    topics: &mut BTreeSet<Arc<str>>,
) -> Destination {
    let mut intern = |name: String| {
        topics.get(name.as_str()).cloned().unwrap_or_else(|| {
            let topic: Arc<str> = name.into();
            topics.insert(Arc::clone(&topic));
            topic
        })
    };
    Destination {
        route: route.index,
        topics: route.topics.iter().map(|template| intern(template.expand(known, family))).collect(),
        key: Arc::clone(&route.key),
        headers: route.headers.clone(),
    }
}
