//! Explanation as text.

use crate::config::Settings;
use crate::explain::{ExplainedRoute, Explanation, RouteOutcome, Router, Seen};
use crate::routing::Match;
use crate::terminal::printable;
use serde_json::Value;
use std::fmt::Write;

pub(super) fn text(at: &str, explanation: &Explanation, router: &Router<'_>) -> String {
    let mut table = Table { text: format!("{}\n", printable(at)) };
    table.add_seen(explanation);
    table.add("outcome", &outcome(explanation));
    if let Some(rejection) = &explanation.rejection {
        table.add("reason", &format!("{}: {}", rejection.reason, rejection.detail));
    }
    table.add_steps(&explanation.steps, router.settings());
    table.add_records(explanation, router.partitions());
    table.text
}

fn outcome(explanation: &Explanation) -> String {
    let routes: Vec<_> = explanation.routes.iter().map(|route| format!("routes[{route}]")).collect();
    let routes = routes.join(", ");
    match explanation.outcome {
        RouteOutcome::Routed if routes.is_empty() => {
            "routed to the topic of its type: no route matched".into()
        }
        RouteOutcome::Routed => format!("routed by {routes}"),
        RouteOutcome::Dropped => format!("dropped by {routes}: written nowhere"),
        RouteOutcome::DeadLetter => "dead letter, answered 200".into(),
        RouteOutcome::Rejected => "rejected, kept as a dead letter".into(),
        RouteOutcome::Probe => "probe: written nowhere".into(),
    }
}

struct Table {
    text: String,
}

impl Table {
    fn add(&mut self, name: &str, value: &str) {
        let _ = writeln!(self.text, "  {name:<11} {}", printable(value));
    }

    fn add_seen(&mut self, explanation: &Explanation) {
        if let Some(Seen { dialect, event_type, known, entity_id, time }) = &explanation.seen {
            let known = if *known { "" } else { " (JustCall does not document it)" };
            self.add("type", &format!("{event_type}{known}"));
            self.add("dialect", dialect);
            for (name, value) in [("entity id", entity_id), ("time", time)] {
                if let Some(value) = value {
                    self.add(name, value);
                }
            }
        }
        if let Some(id) = &explanation.id {
            self.add("event id", id);
        }
        let mode = explanation.validation;
        let validation = match (explanation.outcome, explanation.violations) {
            (RouteOutcome::Probe, _) => return,
            (RouteOutcome::Rejected, _) => format!("failed ({mode})"),
            (_, 0) => format!("passed ({mode})"),
            (_, 1) => format!("passed ({mode}), with 1 violation accepted"),
            (_, number) => format!("passed ({mode}), with {number} violations accepted"),
        };
        self.add("validation", &validation);
    }

    /// Adds a line for each route. Consecutive routes for other types, or after the last evaluated one, share
    /// one.
    fn add_steps(&mut self, steps: &[ExplainedRoute], settings: &Settings) {
        for (index, group) in steps.chunk_by(shares).enumerate() {
            let name = if index == 0 { "routes" } else { "" };
            let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
            let line = if group.len() == 1 {
                format!("[{}] {}: {}", first.route, matches(settings, first.route), verdict(first))
            } else {
                format!("[{}] to [{}]: {}", first.route, last.route, verdict(first))
            };
            self.add(name, &line);
        }
    }

    fn add_records(&mut self, explanation: &Explanation, partitions: Option<u32>) {
        for record in &explanation.records {
            self.add("record", &record.topic);
            let key =
                record.key.as_deref().unwrap_or("none: Kafka distributes such records over the partitions");
            let _ = writeln!(self.text, "    key        {}", printable(key));
            if let (Some(partition), Some(partitions)) = (record.partition, partitions) {
                let _ = writeln!(self.text, "    partition  {partition} of {partitions}");
            }
            for (index, (name, value)) in record.headers.iter().enumerate() {
                let what = if index == 0 { "headers" } else { "" };
                let value = value.as_str().map_or_else(|| Value::to_string(value), str::to_owned);
                let _ = writeln!(self.text, "    {what:<10} {}: {}", printable(name), printable(&value));
            }
        }
    }
}

fn shares(a: &ExplainedRoute, b: &ExplainedRoute) -> bool {
    a.verdict == b.verdict && matches!(a.verdict, "other_type" | "not_reached")
}

fn verdict(step: &ExplainedRoute) -> String {
    match (step.verdict, &step.condition) {
        ("other_type", _) => "other types".into(),
        ("unknown_type", _) => "matches unknown types only if it names them in full".into(),
        ("dropped", _) => "dropped it".into(),
        ("took", _) => "took it".into(),
        ("took_and_went_on", _) => "took it, and the search continued".into(),
        ("not_reached", _) => "not reached".into(),
        (_, Some(condition)) => {
            let absent = if step.field_absent == Some(true) { " (field absent or null)" } else { "" };
            format!("condition not met: {condition}{absent}")
        }
        (other, None) => other.into(),
    }
}

fn matches(settings: &Settings, route: usize) -> String {
    let Some(route) = settings.routing.routes.get(route) else { return String::new() };
    if let (true, Some(template)) = (route.matches.is_empty(), &route.template) {
        return format!("use {template}");
    }
    let each = route.matches.iter().map(|each| match each {
        Match::Pattern(pattern) => pattern.clone(),
        Match::Family(family) => format!("{{family: {family}}}"),
    });
    each.collect::<Vec<_>>().join(", ")
}
