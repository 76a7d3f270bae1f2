use super::condition::Condition;
use super::field_values::FieldValues;
use super::table::RouteTable;
use justcall_events::{Event, EventType, Picks};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteExplanation<'t> {
    pub route: usize,
    pub result: RouteResult<'t>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteResult<'t> {
    OtherType,
    /// A wildcard or a family includes the type, but unknown types are dead letters unless a route names them
    /// in full.
    UnknownType,
    /// The later conditions were not evaluated.
    Unmet {
        condition: &'t Condition,
        /// Absent or null.
        is_absent: bool,
    },
    /// Ended the search.
    Dropped,
    /// Ended the search.
    Taken,
    TakenAndContinued,
    NotReached,
}

impl RouteTable {
    /// An event that no route took or dropped goes to the topic of its type, or becomes a dead letter.
    pub fn explain(&self, event: &Event<'_>, picks: &Picks<'_, '_>) -> Vec<RouteExplanation<'_>> {
        let values = FieldValues::new(&self.fields, picks, event);
        let mut ended = false;
        let results = self.routes.iter().map(|route| {
            let (name, family) = (event.event_type.name(), event.event_type.family());
            if ended {
                return RouteResult::NotReached;
            }
            if !route.takes(name, family) {
                return RouteResult::OtherType;
            }
            let is_known = matches!(event.event_type, EventType::Known(_));
            if !is_known && !route.for_unknown_types().is_some_and(|route| route.takes(name, family)) {
                return RouteResult::UnknownType;
            }
            if let Some(condition) = route.conditions.iter().find(|condition| !condition.holds(&values)) {
                return RouteResult::Unmet { condition, is_absent: condition.is_absent(&values) };
            }
            ended = !route.continues;
            match (route.is_drop, route.continues) {
                (true, _) => RouteResult::Dropped,
                (false, true) => RouteResult::TakenAndContinued,
                (false, false) => RouteResult::Taken,
            }
        });
        results.enumerate().map(|(route, result)| RouteExplanation { route, result }).collect()
    }
}
