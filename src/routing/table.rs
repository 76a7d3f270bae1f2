use super::condition::Condition;
use super::field_values::{FieldRef, FieldTable, FieldValues};
use super::route::{Route, UNKNOWN_FAMILIES};
use super::route_headers::RouteHeaders;
use justcall_events::{Event, EventType, Family, KnownType, Pick, Picks};
use smallvec::SmallVec;
use std::collections::BTreeSet;
use std::sync::Arc;

#[cfg(test)]
pub(super) mod tests;

/// Only unknown types are matched with patterns.
#[derive(Debug, Clone)]
pub struct RouteTable {
    /// In the order of [`KnownType::index`].
    known: Box<[RoutePlan]>,
    unknown: Box<[UnknownRoute]>,
    /// Destinations of unknown types, by family. `None`: there are none, or they are dead letters.
    unknown_default: Option<[Destination; UNKNOWN_FAMILIES.len()]>,
    pub(super) routes: Box<[Route]>,
    pub(super) fields: FieldTable,
    topics: BTreeSet<Arc<str>>,
}

/// Topics for a type, with key and headers of the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// `None`: the default route.
    pub route: Option<usize>,
    /// Each once.
    pub topics: Box<[Arc<str>]>,
    /// Tried in order before the entity id.
    pub key: Arc<[FieldRef]>,
    pub headers: RouteHeaders,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision<'t> {
    /// One route, unless routes continue.
    Forward(SmallVec<[&'t Destination; 1]>),
    Drop(usize),
    /// No route takes the unknown type.
    DeadLetter,
}

/// Routes in order, and the destination without any. `None`: the last route takes all events.
#[derive(Debug, Clone)]
struct RoutePlan {
    steps: Box<[RouteStep]>,
    default: Option<Destination>,
}

#[derive(Debug, Clone)]
struct RouteStep {
    conditions: Arc<[Condition]>,
    is_drop: bool,
    continues: bool,
    destination: Destination,
}

/// Only the family of the type matters.
#[derive(Debug, Clone)]
struct UnknownRoute {
    route: Route,
    /// By family, and last without one. `None`: the route takes no such type.
    steps: [Option<RouteStep>; UNKNOWN_FAMILIES.len()],
}

impl RouteTable {
    pub(super) fn new(routes: Vec<Route>, default: &Route, fields: FieldTable) -> Self {
        let mut topics = TopicSet::default();
        let known = KnownType::ALL
            .iter()
            .map(|known| RoutePlan::new(*known, &routes, default, &mut topics))
            .collect();
        let mut unknown = Vec::new();
        for route in routes.iter().filter_map(Route::for_unknown_types) {
            let steps = UNKNOWN_FAMILIES.map(|family| {
                route.can_take_unknown(family).then(|| RouteStep::new(&route, None, family, &mut topics))
            });
            unknown.push(UnknownRoute { steps, route });
        }
        let is_end = |each: &UnknownRoute| each.route.is_final() && each.route.is_catch_all();
        let unknown_default = (!unknown.iter().any(is_end)).then(|| default.for_unknown_types()).flatten();
        let unknown_default = unknown_default
            .map(|default| UNKNOWN_FAMILIES.map(|family| topics.destination(&default, None, family)));
        let topics = topics.0;
        Self { known, unknown: unknown.into(), unknown_default, routes: routes.into(), fields, topics }
    }

    pub fn picks(&self) -> &[Pick] {
        self.fields.picks()
    }

    /// `picks`: captured fields of [`RouteTable::picks`].
    pub fn decide(&self, event: &Event<'_>, picks: &Picks<'_, '_>) -> Decision<'_> {
        self.decide_with(event, &FieldValues::new(&self.fields, picks, event))
    }

    pub(super) fn decide_with(&self, event: &Event<'_>, values: &FieldValues<'_, '_>) -> Decision<'_> {
        match &event.event_type {
            EventType::Known(known) => {
                let plan = &self.known[known.index()];
                take_steps(plan.steps.iter(), values, plan.default.as_ref())
            }
            EventType::Unknown(name) => {
                let family = event.event_type.family();
                let slot = family.map_or(Family::ALL.len(), Family::index);
                let takes = |each: &&UnknownRoute| each.route.takes(name, family);
                let steps = self.unknown.iter().filter(takes).filter_map(|each| each.steps[slot].as_ref());
                take_steps(steps, values, self.unknown_default.as_ref().map(|default| &default[slot]))
            }
        }
    }

    /// In alphabetical order. `{family}` after a pattern for any family yields a topic for each.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<str>> {
        self.topics.iter()
    }

    /// Assumes that the conditions of at most one route hold.
    pub fn max_records(&self) -> usize {
        let known = self.known.iter().map(RoutePlan::max_records);
        let each = self.destinations().map(|(_, destination)| destination.topics.len());
        known.chain(each).max().unwrap_or_default()
    }

    pub(super) fn has_topic(&self, name: &str) -> bool {
        self.topics.contains(name)
    }

    /// `None`: a type that JustCall does not document.
    pub fn destinations(&self) -> impl Iterator<Item = (Option<KnownType>, &Destination)> {
        let known = KnownType::ALL.iter().zip(&self.known).flat_map(|(known, plan)| {
            let steps = plan.steps.iter().map(|step| &step.destination);
            steps.chain(&plan.default).map(move |each| (Some(*known), each))
        });
        let steps = self.unknown.iter().flat_map(|each| each.steps.iter().flatten());
        let unknown = steps.map(|step| &step.destination).chain(self.unknown_default.iter().flatten());
        known
            .chain(unknown.map(|each| (None, each)))
            .filter(|(_, destination)| !destination.topics.is_empty())
    }
}

fn take_steps<'t>(
    steps: impl Iterator<Item = &'t RouteStep>,
    values: &FieldValues<'_, '_>,
    default: Option<&'t Destination>,
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
        let Some(default) = default else { return Decision::DeadLetter };
        taken.push(default);
    }
    Decision::Forward(taken)
}

impl RoutePlan {
    fn new(known: KnownType, routes: &[Route], default: &Route, topics: &mut TopicSet) -> Self {
        let mut steps = Vec::new();
        for route in routes.iter().filter(|route| route.takes(known.name(), Some(known.family()))) {
            steps.push(RouteStep::new(route, Some(known), Some(known.family()), topics));
            if route.is_final() {
                return Self { steps: steps.into(), default: None };
            }
        }
        let default = topics.destination(default, Some(known), Some(known.family()));
        Self { steps: steps.into(), default: Some(default) }
    }

    /// Assumes that the conditions of at most one route hold.
    fn max_records(&self) -> usize {
        let (mut always, mut max) = (BTreeSet::new(), 0);
        for step in &self.steps {
            let topics = &step.destination.topics;
            max = max.max(always.len() + topics.iter().filter(|topic| !always.contains(*topic)).count());
            if step.conditions.is_empty() {
                always.extend(topics);
            }
        }
        max
    }
}

impl RouteStep {
    fn new(route: &Route, known: Option<KnownType>, family: Option<Family>, topics: &mut TopicSet) -> Self {
        Self {
            conditions: Arc::clone(&route.conditions),
            is_drop: route.is_drop,
            continues: route.continues,
            destination: topics.destination(route, known, family),
        }
    }
}

/// Each name is allocated once.
#[derive(Default)]
struct TopicSet(BTreeSet<Arc<str>>);

impl TopicSet {
    fn destination(
        &mut self,
        route: &Route,
        known: Option<KnownType>,
        family: Option<Family>,
    ) -> Destination {
        Destination {
            route: route.index,
            topics: route.expand(known, family).map(|name| self.intern(name)).collect(),
            key: Arc::clone(&route.key),
            headers: route.headers.clone(),
        }
    }

    fn intern(&mut self, name: String) -> Arc<str> {
        self.0.get(name.as_str()).cloned().unwrap_or_else(|| {
            let topic: Arc<str> = name.into();
            self.0.insert(Arc::clone(&topic));
            topic
        })
    }
}
