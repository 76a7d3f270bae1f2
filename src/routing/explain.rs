//! Why an event goes where it goes, for a person who asks.

use super::condition::Condition;
use super::table::Table;
use super::values::Values;
use justcall_events::{Event, EventType, Picks};

/// One route and what it made of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step<'t> {
    /// Its index in `routes`.
    pub route: usize,
    /// What it made of it.
    pub verdict: Verdict<'t>,
}

/// What a route made of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<'t> {
    /// Its `match` means other types.
    OtherType,
    /// Its `match` means the type with a wildcard or a family, and unknown types are dead letters unless
    /// a route names them in full.
    UnknownType,
    /// The first of its conditions that does not hold.
    Unmet {
        /// The condition.
        condition: &'t Condition,
        /// Its field is absent or null.
        is_absent: bool,
    },
    /// It drops the event, and the search ended.
    Dropped,
    /// It took the event, and the search ended.
    Took,
    /// It took the event, and the search went on.
    TookAndWentOn,
    /// The search had ended before.
    NotReached,
}

impl Table {
    /// Every route in its order and what it made of an event. Where none took or dropped it, it goes to
    /// the topic of its type behind `topics.prefix`, or becomes a dead letter.
    pub fn explain(&self, event: &Event<'_>, picks: &Picks<'_, '_>) -> Vec<Step<'_>> {
        let values = Values::new(&self.pointers, picks, event);
        let mut ended = false;
        let verdicts = self.routes.iter().map(|route| {
            let (name, family) = (event.event_type.name(), event.event_type.family());
            if ended {
                return Verdict::NotReached;
            }
            if !route.takes(name, family) {
                return Verdict::OtherType;
            }
            let is_known = matches!(event.event_type, EventType::Known(_));
            if !is_known && !route.for_unknown_types().is_some_and(|route| route.takes(name, family)) {
                return Verdict::UnknownType;
            }
            if let Some(condition) = route.conditions.iter().find(|condition| !condition.holds(&values)) {
                return Verdict::Unmet { condition, is_absent: condition.is_absent(&values) };
            }
            ended = !route.continues;
            match (route.is_drop, route.continues) {
                (true, _) => Verdict::Dropped,
                (false, true) => Verdict::TookAndWentOn,
                (false, false) => Verdict::Took,
            }
        });
        verdicts.enumerate().map(|(route, verdict)| Step { route, verdict }).collect()
    }
}
