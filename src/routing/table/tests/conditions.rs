//! Conditions, dropping and going on, against a table that looks at every route for every event.

use super::{any_name, event, pattern};
use crate::event::{BodyHash, Event, Picks, Scanned, Validation, scan_with};
use crate::routing::{Config, Decision, Match, RouteConfig, Table, Test, UnknownEvents, Verdict, Wanted};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What a table makes of a body: the indices of the routes that took it (`None`: no route did), or the
/// route that dropped it; and what it explains.
fn decided(table: &Table, name: &str, data: &str) -> (Result<Vec<Option<usize>>, usize>, Vec<String>) {
    let body = serde_json::json!({ "event": name, "data": serde_json::from_str::<serde_json::Value>(data).unwrap() });
    let body = body.to_string();
    let mut picks = Picks::of(table.picks());
    if let Ok(Scanned::Envelope(envelope)) = scan_with(body.as_bytes(), &mut picks) {
        let _ = envelope.validate_with(Validation::Documented, &BodyHash::of(b""), &mut picks);
    }
    let event: Event<'_> = event(name);
    let steps = table.explain(&event, &picks).into_iter().map(|step| match step.verdict {
        Verdict::Unmet(condition) => format!("unmet: {condition}"),
        verdict => format!("{verdict:?}"),
    });
    let decision = match table.decide(&event, &picks) {
        Decision::Forward(taken) => Ok(taken.iter().map(|each| each.route).collect()),
        Decision::Drop(route) => Err(route),
        Decision::DeadLetter => Ok(Vec::new()),
    };
    (decision, steps.collect())
}

fn compile(routes: Vec<RouteConfig>) -> Table {
    let unknown_events = UnknownEvents::Forward;
    Table::compile(&Config { prefix: "j.".into(), templates: Vec::new(), routes, unknown_events }).unwrap()
}

fn is(texts: &[&str]) -> Test {
    let texts = texts.iter().map(|text| (*text).into()).collect();
    Test { wanted: Wanted::OneOf(texts), ignore_case: false }
}

fn route(name: &str, when: &[(&str, Test)], topic: &str) -> RouteConfig {
    RouteConfig {
        matches: vec![pattern(name)],
        when: when.iter().map(|(pointer, test)| ((*pointer).into(), test.clone())).collect(),
        topics: vec![topic.into()],
        ..RouteConfig::default()
    }
}

#[test]
fn conditions_let_an_event_pass_on_to_the_next_route() {
    let table = compile(vec![
        route("call.*", &[("/data/direction", is(&["inbound"])), ("/data/vip", is(&["true"]))], "vip"),
        route("call.*", &[("/data/direction", is(&["inbound", "in"]))], "in"),
        route("*", &[("/data/direction", is(&["outbound"]))], "out"),
    ]);
    let went = |data| decided(&table, "call.missed", data);
    assert_eq!(went(r#"{"direction":"inbound","vip":true}"#).0, Ok(vec![Some(0)]));
    let (taken, steps) = went(r#"{"direction":"inbound"}"#);
    assert_eq!(taken, Ok(vec![Some(1)]));
    assert_eq!(steps, [r#"unmet: /data/vip is "true""#, "Took", "NotReached"]);
    assert_eq!(went(r#"{"direction":"outbound"}"#).0, Ok(vec![Some(2)]));
    let (taken, steps) = went(r#"{"direction":["inbound"]}"#);
    assert_eq!(taken, Ok(vec![None]), "an array is no text");
    assert!(steps[1].starts_with("unmet: /data/direction is \"inbound\" or \"in\""), "{steps:?}");
    assert_eq!(decided(&table, "party.on", r#"{"direction":"outbound"}"#).0, Ok(vec![Some(2)]));
    assert_eq!(decided(&table, "party.on", "{}").0, Ok(vec![None]));
}

#[test]
fn dropping_ends_the_search_and_takes_nothing_back() {
    let table = compile(vec![
        RouteConfig { continues: Some(true), ..route("call.*", &[], "audit") },
        RouteConfig {
            topics: Vec::new(),
            drop: Some(true),
            ..route("*", &[("/data/test", is(&["true"]))], "")
        },
        route("call.missed", &[], "missed"),
    ]);
    let test = r#"{"test":true}"#;
    assert_eq!(decided(&table, "sms.sent", test).0, Err(1));
    assert_eq!(decided(&table, "fax.sent", test).0, Err(1));
    assert_eq!(decided(&table, "sms.sent", "{}").0, Ok(vec![None]));
    let (taken, steps) = decided(&table, "call.missed", test);
    assert_eq!(taken, Ok(vec![Some(0)]), "what was taken before the drop stays");
    assert_eq!(steps, ["TookAndWentOn", "Dropped", "NotReached"]);
    assert_eq!(decided(&table, "call.missed", "{}").0, Ok(vec![Some(0), Some(2)]));
    assert_eq!(decided(&table, "call.answered", "{}").0, Ok(vec![Some(0)]), "no rest besides");
    assert!(!table.topics().any(|topic| topic.is_empty()), "a drop has no topic");
}

fn any_conditional() -> impl Strategy<Value = RouteConfig> {
    let name = prop::sample::select(vec!["*", "call.*", "call.missed", "sms.*", "*.received", "x.y"]);
    let pointer = prop::sample::select(vec!["/data/a", "/data/b/c", "/event", "/data/a"]);
    let text = || prop::sample::select(vec!["1", "one", "ONE", "true", "call.missed"]).prop_map(String::from);
    let wanted = prop_oneof![
        prop::collection::vec(text(), 1..3).prop_map(Wanted::OneOf),
        prop::collection::vec(prop::sample::select(vec!["o", "1", "call"]).prop_map(String::from), 1..2)
            .prop_map(Wanted::Prefix),
        any::<bool>().prop_map(Wanted::Exists),
    ];
    let test = (wanted, any::<bool>()).prop_map(|(wanted, ignore_case)| {
        let ignore_case = ignore_case && !matches!(wanted, Wanted::Exists(_));
        Test { wanted, ignore_case }
    });
    let when = prop::collection::btree_map(pointer.prop_map(String::from), test, 0..3);
    (name, when, 0..4_u8).prop_map(|(name, when, kind)| RouteConfig {
        matches: vec![Match::Pattern(name.into())],
        when,
        topics: if kind == 0 { Vec::new() } else { vec!["t".into()] },
        drop: (kind == 0).then_some(true),
        continues: (kind == 1).then_some(true),
        ..RouteConfig::default()
    })
}

/// What a test says of a value, said once more.
fn holds(test: &Test, value: Option<&serde_json::Value>) -> bool {
    use serde_json::Value;
    let fold = |text: &str| if test.ignore_case { text.to_lowercase() } else { text.to_owned() };
    let text = match value {
        Some(Value::String(text)) => Some(fold(text)),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => Some(fold(&value.to_string())),
        _ => None,
    };
    match &test.wanted {
        Wanted::Exists(wanted) => *wanted == value.is_some_and(|value| !value.is_null()),
        Wanted::OneOf(texts) => text.is_some_and(|text| texts.iter().any(|each| fold(each) == text)),
        Wanted::Prefix(texts) => {
            text.is_some_and(|text| texts.iter().any(|each| text.starts_with(&fold(each))))
        }
    }
}

fn any_data() -> impl Strategy<Value = String> {
    let value = || prop::sample::select(vec!["1", "\"one\"", "\"One\"", "true", "null", "{}", "\"other\""]);
    let inner = prop::option::of(value().prop_map(|value| format!(r#"{{"c":{value}}}"#)));
    (prop::option::of(value()), inner).prop_map(|(a, b)| {
        let a = a.map(|value| format!(r#""a":{value}"#));
        let b = b.map(|value| format!(r#""b":{value}"#));
        format!("{{{}}}", a.into_iter().chain(b).collect::<Vec<_>>().join(","))
    })
}

proptest! {
    #[test]
    fn tables_decide_as_a_walk_over_all_routes_does(
        routes in prop::collection::vec(any_conditional(), 0..6),
        name in any_name(),
        data in any_data(),
    ) {
        let (routes, table) = super::without_shadowed(routes, UnknownEvents::Forward);
        let body = serde_json::json!({ "event": &name, "data": serde_json::from_str::<serde_json::Value>(&data).unwrap() });
        prop_assume!(matches!(scan_with(body.to_string().as_bytes(), &mut Picks::default()), Ok(Scanned::Envelope(_))));
        let takes = |route: &RouteConfig| {
            let Match::Pattern(text) = &route.matches[0] else { panic!("no pattern") };
            crate::routing::pattern::Pattern::parse(text).unwrap().matches(&name)
                && route.when.iter().all(|(pointer, test)| holds(test, body.pointer(pointer)))
        };
        let mut expected = Ok(Vec::new());
        for (index, route) in routes.iter().enumerate().filter(|(_, route)| takes(route)) {
            if route.drop == Some(true) {
                expected = if expected == Ok(Vec::new()) { Err(index) } else { expected };
                break;
            }
            if let Ok(taken) = &mut expected {
                taken.push(Some(index));
            }
            if route.continues != Some(true) {
                break;
            }
        }
        let expected = expected.map(|taken| if taken.is_empty() { vec![None] } else { taken });
        let (found, steps) = decided(&table, &name, &data);
        prop_assert_eq!(&found, &expected);
        let took = steps.iter().enumerate().filter(|(_, step)| step.starts_with("Took")).map(|(at, _)| Some(at));
        match found {
            Ok(taken) if taken == [None] => prop_assert_eq!(took.count(), 0),
            Ok(taken) => prop_assert_eq!(took.collect::<Vec<_>>(), taken),
            Err(route) => prop_assert_eq!(&steps[route], "Dropped"),
        }
    }

    /// Of two routes for the same types, the second is in the shadow only if no event can tell them apart.
    #[test]
    fn conditions_in_the_shadow_of_others_never_hold_alone(
        (first, second) in (any_conditional(), any_conditional()),
        data in prop::collection::vec(any_data(), 30),
    ) {
        let same = |route: RouteConfig| RouteConfig {
            matches: vec![pattern("call.missed")],
            topics: vec!["t".into()],
            drop: None,
            continues: None,
            ..route
        };
        let routes = vec![same(first), same(second)];
        let config = Config { prefix: "j.".into(), templates: Vec::new(), routes, unknown_events: UnknownEvents::Forward };
        if Table::compile(&config).is_err() {
            for data in data {
                let body = serde_json::json!({ "event": "call.missed", "data": serde_json::from_str::<serde_json::Value>(&data).unwrap() });
                let met = |when: &BTreeMap<String, Test>| {
                    when.iter().all(|(pointer, test)| holds(test, body.pointer(pointer)))
                };
                prop_assert!(met(&config.routes[0].when) || !met(&config.routes[1].when), "{body}");
            }
        }
    }
}
