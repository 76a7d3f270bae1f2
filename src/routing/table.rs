//! Where each event goes.

use super::condition::Condition;
use super::header::OwnHeaders;
use super::index::Index;
use super::route::{Route, SLOTS};
use super::values::{Pointed, Pointers, Values};
use justcall_events::{Event, EventType, Family, KnownType, Pick, Picks};
use smallvec::SmallVec;
use std::collections::BTreeSet;
use std::sync::Arc;

#[cfg(test)]
pub(super) mod tests;

/// The routes, worked out: what each known type can come to is looked up, only unknown ones walk the
/// patterns.
#[derive(Debug, Clone)]
pub struct Table {
    /// In the order of [`KnownType::index`].
    known: Box<[Search]>,
    /// The routes that can take an unknown type.
    unknown: Box<[UnknownRoute]>,
    /// Where unknown types go that no route takes, by family. `None`: there are none such, or they become
    /// dead letters.
    unknown_rest: Option<[Destination; SLOTS.len()]>,
    pub(super) routes: Box<[Route]>,
    pub(super) pointers: Pointers,
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
    pub key: Arc<[Pointed]>,
    /// The route's own headers.
    pub headers: OwnHeaders,
}

/// What the table makes of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision<'t> {
    /// It becomes records: of each of these routes, which are one unless some continue.
    Forward(SmallVec<[&'t Destination; 1]>),
    /// It is written nowhere: the route of that index says so.
    Drop(usize),
    /// Its type is unknown, no route takes it, and such types become dead letters.
    DeadLetter,
}

/// What one type can come to: the steps in their order, and where it goes if none takes it. `None`: the
/// last step takes all that come to it.
#[derive(Debug, Clone)]
struct Search {
    steps: Box<[Step]>,
    /// Of the steps, those that the value of one field does not rule out.
    index: Index,
    rest: Option<Destination>,
}

/// One route on the way of one type.
#[derive(Debug, Clone)]
struct Step {
    conditions: Arc<[Condition]>,
    is_drop: bool,
    continues: bool,
    /// Without topics where the route drops.
    destination: Destination,
}

/// A route as unknown types see it: the type's name tells the family at most.
#[derive(Debug, Clone)]
struct UnknownRoute {
    route: Route,
    /// By family, and last without one; `None` where the route takes no such type.
    steps: [Option<Step>; SLOTS.len()],
}

impl Table {
    /// Works the table out of checked routes.
    pub(super) fn new(routes: Vec<Route>, rest: &Route, pointers: Pointers) -> Self {
        let mut topics = Topics::default();
        let known =
            KnownType::ALL.iter().map(|known| Search::new(*known, &routes, rest, &mut topics)).collect();
        let mut unknown = Vec::new();
        for route in routes.iter().filter_map(Route::for_unknown_types) {
            let steps = SLOTS.map(|family| {
                route.can_take_unknown(family).then(|| Step::new(&route, None, family, &mut topics))
            });
            unknown.push(UnknownRoute { steps, route });
        }
        let is_end = |each: &UnknownRoute| each.route.is_final() && each.route.is_catch_all();
        let unknown_rest = (!unknown.iter().any(is_end)).then(|| rest.for_unknown_types()).flatten();
        let unknown_rest =
            unknown_rest.map(|rest| SLOTS.map(|family| topics.destination(&rest, None, family)));
        let topics = topics.0;
        Self { known, unknown: unknown.into(), unknown_rest, routes: routes.into(), pointers, topics }
    }

    /// The fields of a body that the routes ask for.
    pub fn picks(&self) -> &[Pick] {
        self.pointers.picks()
    }

    /// Where an event goes, `picks` being the fields that were taken along for [`Table::picks`].
    pub fn decide(&self, event: &Event<'_>, picks: &Picks<'_, '_>) -> Decision<'_> {
        self.decide_by(event, &Values::new(&self.pointers, picks, event))
    }

    pub(super) fn decide_by(&self, event: &Event<'_>, values: &Values<'_, '_>) -> Decision<'_> {
        match &event.event_type {
            EventType::Known(known) => {
                let search = &self.known[known.index()];
                let steps = search.index.places(values).map(|place| &search.steps[place]);
                take(steps, values, search.rest.as_ref())
            }
            EventType::Unknown(name) => {
                let family = event.event_type.family();
                let slot = family.map_or(Family::ALL.len(), Family::index);
                let takes = |each: &&UnknownRoute| each.route.takes(name, family);
                let steps = self.unknown.iter().filter(takes).filter_map(|each| each.steps[slot].as_ref());
                take(steps, values, self.unknown_rest.as_ref().map(|rest| &rest[slot]))
            }
        }
    }

    /// Every topic that an event can go to, in alphabetical order. With `{family}` behind a pattern
    /// that leaves the family open, that is a topic for each family.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<str>> {
        self.topics.iter()
    }

    /// The most records that one event comes to by as much as one route's conditions; more where several
    /// hold that continue.
    pub fn most_records(&self) -> usize {
        let known = self.known.iter().map(Search::most_records);
        let each = self.destinations().map(|(_, destination)| destination.topics.len());
        known.chain(each).max().unwrap_or_default()
    }

    /// Whether an event can go there.
    pub(super) fn has_topic(&self, name: &str) -> bool {
        self.topics.contains(name)
    }

    /// Every place that events can go to, with the type; `None` stands for the types that JustCall does
    /// not document.
    pub fn destinations(&self) -> impl Iterator<Item = (Option<KnownType>, &Destination)> {
        let known = KnownType::ALL.iter().zip(&self.known).flat_map(|(known, search)| {
            let steps = search.steps.iter().map(|step| &step.destination);
            steps.chain(&search.rest).map(move |each| (Some(*known), each))
        });
        let steps = self.unknown.iter().flat_map(|each| each.steps.iter().flatten());
        let unknown = steps.map(|step| &step.destination).chain(self.unknown_rest.iter().flatten());
        known
            .chain(unknown.map(|each| (None, each)))
            .filter(|(_, destination)| !destination.topics.is_empty())
    }
}

/// Walks the steps until one ends the search.
fn take<'t>(
    steps: impl Iterator<Item = &'t Step>,
    values: &Values<'_, '_>,
    rest: Option<&'t Destination>,
) -> Decision<'t> {
    let mut taken = SmallVec::new();
    for step in steps.filter(|step| step.conditions.iter().all(|condition| condition.holds(values))) {
        match step.destination.route {
            Some(route) if step.is_drop && taken.is_empty() => return Decision::Drop(route),
            _ if step.is_drop => return Decision::Forward(taken),
            _ => taken.push(&step.destination),
        }
        if !step.continues {
            return Decision::Forward(taken);
        }
    }
    if taken.is_empty() {
        let Some(rest) = rest else { return Decision::DeadLetter };
        taken.push(rest);
    }
    Decision::Forward(taken)
}

impl Search {
    fn new(known: KnownType, routes: &[Route], rest: &Route, topics: &mut Topics) -> Self {
        let mut steps = Vec::new();
        for route in routes.iter().filter(|route| route.takes(known.name(), Some(known.family()))) {
            steps.push(Step::new(route, Some(known), Some(known.family()), topics));
            if route.is_final() {
                return Self::of(steps, None);
            }
        }
        Self::of(steps, Some(topics.destination(rest, Some(known), Some(known.family()))))
    }

    /// Counts on conditions of one route at a time.
    fn most_records(&self) -> usize {
        let (mut always, mut most) = (BTreeSet::new(), 0);
        for step in &self.steps {
            let topics = &step.destination.topics;
            most = most.max(always.len() + topics.iter().filter(|topic| !always.contains(*topic)).count());
            if step.conditions.is_empty() {
                always.extend(topics);
            }
        }
        most
    }

    fn of(steps: Vec<Step>, rest: Option<Destination>) -> Self {
        let conditions: Vec<_> = steps.iter().map(|step| Arc::clone(&step.conditions)).collect();
        Self { steps: steps.into(), index: Index::new(&conditions), rest }
    }
}

impl Step {
    fn new(route: &Route, known: Option<KnownType>, family: Option<Family>, topics: &mut Topics) -> Self {
        Self {
            conditions: Arc::clone(&route.conditions),
            is_drop: route.is_drop,
            continues: route.continues,
            destination: topics.destination(route, known, family),
        }
    }
}

/// Every topic, each kept once.
#[derive(Default)]
struct Topics(BTreeSet<Arc<str>>);

impl Topics {
    /// Expands a route for one type, or for the unknown types of a family.
    fn destination(
        &mut self,
        route: &Route,
        known: Option<KnownType>,
        family: Option<Family>,
    ) -> Destination {
        Destination {
            route: route.index,
            topics: route.expand(known, family).map(|name| self.keep(name)).collect(),
            key: Arc::clone(&route.key),
            headers: route.headers.clone(),
        }
    }

    fn keep(&mut self, name: String) -> Arc<str> {
        self.0.get(name.as_str()).cloned().unwrap_or_else(|| {
            let topic: Arc<str> = name.into();
            self.0.insert(Arc::clone(&topic));
            topic
        })
    }
}
