//! Rules of the default settings, for measurements without a server.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use justcall_kafka_bridge::internals::config::Settings;
use justcall_kafka_bridge::internals::ingest::{Disposition, Evaluated, Evaluator};
use justcall_kafka_bridge::internals::routing::{Match, Operator, Predicate, RouteConfig, RouteTable};

pub(crate) fn settings() -> Settings {
    Settings::default()
}

/// Only the last of the routes matches `event_type`; 0: no route.
pub(crate) fn rules(routes: usize, event_type: &str) -> Evaluator {
    let mut settings = settings();
    let by_agent = (1..routes).map(|at| route(event_type, Some(at)));
    settings.routing.routes = by_agent.chain((routes > 0).then(|| route(event_type, None))).collect();
    let table = RouteTable::compile(&settings.routing).expect("valid routes");
    Evaluator::new(&settings.ingest, table)
}

fn route(event_type: &str, agent: Option<usize>) -> RouteConfig {
    let wanted = |agent| Predicate {
        operator: Operator::OneOf(vec![format!("{}", 1000 + agent)]),
        ignore_case: false,
    };
    RouteConfig {
        matches: vec![Match::Pattern(event_type.to_owned())],
        when: agent.map(|agent| ("/data/agent_id".to_owned(), wanted(agent))).into_iter().collect(),
        topics: vec!["routed.{event}".to_owned()],
        ..RouteConfig::default()
    }
}

pub(crate) fn judge(rules: &Evaluator, body: &Bytes) -> Evaluated {
    let scanned = rules.scan(0, body);
    let context = scanned.context(DateTime::<Utc>::UNIX_EPOCH);
    let evaluated = rules.evaluate(scanned, &context).expect("an event, not a probe");
    assert!(matches!(evaluated.disposition, Disposition::Forward(_)), "the event was not forwarded");
    evaluated
}
