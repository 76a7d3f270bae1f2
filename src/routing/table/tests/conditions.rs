//! Conditions, `drop` and `continue`, compared with a walk over all routes.

use super::{any_name, event, pattern};
use crate::routing::{
    Config, Decision, Match, Operator, Predicate, RouteConfig, RouteResult, RouteTable, UnknownEvents,
};
use justcall_events::{BodyHash, Event, Family, Picks, Scanned, Validation, scan_with};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// `None`: the default route.
fn decided(table: &RouteTable, name: &str, data: &str) -> (Result<Vec<Option<usize>>, usize>, Vec<String>) {
    let body = serde_json::json!({ "event": name, "data": serde_json::from_str::<serde_json::Value>(data).unwrap() });
    let body = body.to_string();
    let mut picks = Picks::of(table.picks());
    if let Ok(Scanned::Envelope(envelope)) = scan_with(body.as_bytes(), &mut picks) {
        let _ = envelope.validate_with(Validation::Documented, &BodyHash::of(b""), &mut picks);
    }
    let event: Event<'_> = event(name);
    let steps = table.explain(&event, &picks).into_iter().map(|step| match step.result {
        RouteResult::Unmet { condition, .. } => format!("unmet: {condition}"),
        verdict => format!("{verdict:?}"),
    });
    let decision = match table.decide(&event, &picks) {
        Decision::Forward(taken) => Ok(taken.iter().map(|each| each.route).collect()),
        Decision::Drop(route) => Err(route),
        Decision::DeadLetter => Ok(Vec::new()),
    };
    (decision, steps.collect())
}

fn compile(routes: Vec<RouteConfig>) -> RouteTable {
    let unknown_events = UnknownEvents::Forward;
    RouteTable::compile(&Config { prefix: "j.".into(), templates: Vec::new(), routes, unknown_events })
        .unwrap()
}

fn is(texts: &[&str]) -> Predicate {
    let texts = texts.iter().map(|text| (*text).into()).collect();
    Predicate { operator: Operator::OneOf(texts), ignore_case: false }
}

fn route(name: &str, when: &[(&str, Predicate)], topic: &str) -> RouteConfig {
    RouteConfig {
        matches: vec![pattern(name)],
        when: when.iter().map(|(pointer, test)| ((*pointer).into(), test.clone())).collect(),
        topics: vec![topic.into()],
        ..RouteConfig::default()
    }
}

#[test]
fn unmet_condition_passes_the_event_to_the_next_route() {
    let table = compile(vec![
        route("call.*", &[("/data/direction", is(&["inbound"])), ("/data/vip", is(&["true"]))], "vip"),
        route("call.*", &[("/data/direction", is(&["inbound", "in"]))], "in"),
        route("*", &[("/data/direction", is(&["outbound"]))], "out"),
    ]);
    let went = |data| decided(&table, "call.missed", data);
    assert_eq!(went(r#"{"direction":"inbound","vip":true}"#).0, Ok(vec![Some(0)]));
    let (taken, steps) = went(r#"{"direction":"inbound"}"#);
    assert_eq!(taken, Ok(vec![Some(1)]));
    assert_eq!(steps, [r#"unmet: /data/vip is "true""#, "Taken", "NotReached"]);
    assert_eq!(went(r#"{"direction":"outbound"}"#).0, Ok(vec![Some(2)]));
    let (taken, steps) = went(r#"{"direction":["inbound"]}"#);
    assert_eq!(taken, Ok(vec![None]), "an array is not text");
    assert!(steps[1].starts_with("unmet: /data/direction is \"inbound\" or \"in\""), "{steps:?}");
    assert_eq!(decided(&table, "party.on", r#"{"direction":"outbound"}"#).0, Ok(vec![Some(2)]));
    assert_eq!(decided(&table, "party.on", "{}").0, Ok(vec![None]));
}

#[test]
fn unmet_condition_reports_an_absent_field() {
    let table = compile(vec![
        route("call.*", &[("/data/direction", is(&["inbound"]))], "pointed"),
        route("call.*", &[("direction", is(&["inbound"]))], "named"),
    ]);
    let absent = |data: &str| {
        let body = format!(r#"{{"type":"call.missed","data":{data}}}"#);
        let mut picks = Picks::of(table.picks());
        let Ok(Scanned::Envelope(envelope)) = scan_with(body.as_bytes(), &mut picks) else {
            panic!("{body}")
        };
        let _ = envelope.validate_with(Validation::Documented, &BodyHash::of(b""), &mut picks);
        let event = event("call.missed");
        let steps = table.explain(&event, &picks).into_iter();
        let verdicts = steps.map(|step| match step.result {
            RouteResult::Unmet { is_absent, .. } => Some(is_absent),
            _ => None,
        });
        verdicts.collect::<Vec<_>>()
    };
    assert_eq!(absent(r#"{"call_info":{"direction":"Outgoing"}}"#), [Some(true), Some(false)]);
    assert_eq!(absent(r#"{"direction":null,"call_info":{"direction":""}}"#), [Some(true), Some(true)]);
    assert_eq!(absent(r#"{"direction":[]}"#), [Some(false), Some(true)]);
    assert_eq!(absent(r#"{"call_info":{"direction":"Incoming"}}"#), [Some(true), None]);
}

#[test]
fn drop_ends_the_search_and_keeps_earlier_routes() {
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
    assert_eq!(taken, Ok(vec![Some(0)]), "earlier routes are kept");
    assert_eq!(steps, ["TakenAndContinued", "Dropped", "NotReached"]);
    assert_eq!(decided(&table, "call.missed", "{}").0, Ok(vec![Some(0), Some(2)]));
    assert_eq!(
        decided(&table, "call.answered", "{}").0,
        Ok(vec![Some(0)]),
        "the default route takes nothing"
    );
    assert!(!table.topics().any(|topic| topic.is_empty()), "a drop has no topic");
}

fn any_conditional() -> impl Strategy<Value = RouteConfig> {
    let name = prop::sample::select(vec!["*", "call.*", "call.missed", "sms.*", "*.received", "x.y"]);
    let text = || prop::sample::select(vec!["1", "one", "ONE", "true", "call.missed"]).prop_map(String::from);
    let wanted = prop_oneof![
        prop::collection::vec(text(), 1..3).prop_map(Operator::OneOf),
        prop::collection::vec(prop::sample::select(vec!["o", "1", "call"]).prop_map(String::from), 1..2)
            .prop_map(Operator::Prefix),
        any::<bool>().prop_map(Operator::Exists),
    ];
    let test = (wanted, any::<bool>()).prop_map(|(wanted, ignore_case)| {
        let ignore_case = ignore_case && !matches!(wanted, Operator::Exists(_));
        Predicate { operator: wanted, ignore_case }
    });
    let pointer = prop::sample::select(vec!["/data/a", "/data/b/c", "/event", "/data/a"]);
    let by_pointer = (pointer.prop_map(String::from), test);
    let when = prop::collection::vec(prop_oneof![2 => by_pointer, 1 => any_named_condition()], 0..3);
    let when = when.prop_map(|conditions| conditions.into_iter().collect());
    (name, when, 0..4_u8).prop_map(|(name, when, kind)| RouteConfig {
        matches: vec![Match::Pattern(name.into())],
        when,
        topics: if kind == 0 { Vec::new() } else { vec!["t".into()] },
        drop: (kind == 0).then_some(true),
        continues: (kind == 1).then_some(true),
        ..RouteConfig::default()
    })
}

/// Spellings of both dialects.
fn any_named_condition() -> impl Strategy<Value = (String, Predicate)> {
    let wanted = |texts: &[&str]| Operator::OneOf(texts.iter().map(|text| (*text).into()).collect());
    let prefix = |text: &str| Operator::Prefix(vec![text.into()]);
    let cases = vec![
        ("direction", wanted(&["inbound"])),
        ("direction", wanted(&["OUTGOING", "incoming"])),
        ("direction", prefix("out")),
        ("direction", Operator::Exists(false)),
        ("from", wanted(&["14155550100"])),
        ("from", wanted(&["+14155550123"])),
        ("from", prefix("+1")),
        ("agent", wanted(&["17"])),
        ("agent", Operator::Exists(true)),
    ];
    prop::sample::select(cases)
        .prop_map(|(field, wanted)| (field.to_owned(), Predicate { operator: wanted, ignore_case: false }))
}

/// Reference implementation, as the next two functions.
fn value(body: &serde_json::Value, name: &str, field: &str) -> Option<serde_json::Value> {
    if field.starts_with('/') {
        return body.pointer(field).cloned();
    }
    let text = |pointer: &str| {
        let found = body.pointer(pointer).filter(|value| !value.is_null() && **value != "");
        found.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let family = event(name).event_type.family()?;
    let is_call = family == Family::Call;
    if !is_call && family != Family::Sms && (family != Family::Whatsapp || field == "agent") {
        let has_agent = matches!(family, Family::Whatsapp | Family::Contact);
        return (has_agent && field == "agent").then(|| text("/data/agent_id")).flatten().map(Into::into);
    }
    let direction = text(if is_call { "/data/call_info/direction" } else { "/data/direction" });
    let direction = direction.map(|direction| match &*direction {
        "Incoming" => "inbound".to_owned(),
        "OUTGOING" => "outbound".to_owned(),
        other => other.to_owned(),
    });
    // A voicemail is inbound without a direction in its body.
    let direction = direction.or_else(|| (name == "voicemail.received").then(|| "inbound".to_owned()));
    let found = match (field, direction.as_deref()) {
        ("direction", _) => direction,
        ("agent", _) => text("/data/agent_id"),
        ("from", Some("inbound")) => text("/data/contact_number").map(|number| format!("+{number}")),
        ("from", Some("outbound")) => text("/data/justcall_number").map(|number| format!("+{number}")),
        _ => None,
    };
    found.map(Into::into)
}

fn meets(body: &serde_json::Value, name: &str, field: &str, test: &Predicate) -> bool {
    let spelled = |text: &String| match &**text {
        "OUTGOING" => "outbound".to_owned(),
        "incoming" => "inbound".to_owned(),
        "14155550100" => "+14155550100".to_owned(),
        other => other.to_owned(),
    };
    let wanted = match &test.operator {
        Operator::OneOf(texts) if !field.starts_with('/') => {
            Operator::OneOf(texts.iter().map(spelled).collect())
        }
        other => other.clone(),
    };
    holds(&Predicate { operator: wanted, ..test.clone() }, value(body, name, field).as_ref())
}

fn holds(test: &Predicate, value: Option<&serde_json::Value>) -> bool {
    use serde_json::Value;
    let fold = |text: &str| if test.ignore_case { text.to_lowercase() } else { text.to_owned() };
    let text = match value {
        Some(Value::String(text)) => Some(fold(text)),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => Some(fold(&value.to_string())),
        _ => None,
    };
    match &test.operator {
        Operator::Exists(wanted) => *wanted == value.is_some_and(|value| !value.is_null()),
        Operator::OneOf(texts) => text.is_some_and(|text| texts.iter().any(|each| fold(each) == text)),
        Operator::Prefix(texts) => {
            text.is_some_and(|text| texts.iter().any(|each| text.starts_with(&fold(each))))
        }
    }
}

fn any_data() -> impl Strategy<Value = String> {
    let value = || prop::sample::select(vec!["1", "\"one\"", "\"One\"", "true", "null", "{}", "\"other\""]);
    let inner = prop::option::of(value().prop_map(|value| format!(r#"{{"c":{value}}}"#)));
    let strange = (prop::option::of(value()), inner).prop_map(|(a, b)| {
        let a = a.map(|value| format!(r#""a":{value}"#));
        let b = b.map(|value| format!(r#""b":{value}"#));
        a.into_iter().chain(b).collect::<Vec<_>>()
    });
    (strange, any_live_fields())
        .prop_map(|(strange, live)| format!("{{{}}}", [strange, live].concat().join(",")))
}

fn any_live_fields() -> impl Strategy<Value = Vec<String>> {
    let direction = || {
        let spelled = vec!["\"Incoming\"", "\"OUTGOING\"", "\"inbound\"", "\"sideways\"", "\"\"", "null"];
        prop::option::of(prop::sample::select(spelled))
    };
    let number = || {
        prop::option::of(prop::sample::select(vec![
            "\"14155550100\"",
            "14155550123",
            "\"49301234\"",
            "\"\"",
            "null",
        ]))
    };
    let agent = prop::option::of(prop::sample::select(vec!["17", "\"17\"", "18", "null", "\"\""]));
    (direction(), direction(), number(), number(), agent).prop_map(
        |(of_call, of_message, contact, justcall, agent)| {
            let field = |name: &str, value: Option<&str>| value.map(|value| format!(r#""{name}":{value}"#));
            let call_info = of_call.map(|value| format!(r#""call_info":{{"type":"","direction":{value}}}"#));
            let fields = [
                call_info,
                field("direction", of_message),
                field("contact_number", contact),
                field("justcall_number", justcall),
                field("agent_id", agent),
            ];
            fields.into_iter().flatten().collect()
        },
    )
}

proptest! {
    #[test]
    fn table_decides_like_a_walk_over_all_routes(
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
                && route.when.iter().all(|(field, test)| meets(&body, &name, field, test))
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
        let took = steps.iter().enumerate().filter(|(_, step)| step.starts_with("Taken")).map(|(at, _)| Some(at));
        match found {
            Ok(taken) if taken == [None] => prop_assert_eq!(took.count(), 0),
            Ok(taken) => prop_assert_eq!(took.collect::<Vec<_>>(), taken),
            Err(route) => prop_assert_eq!(&steps[route], "Dropped"),
        }
    }

    /// A second route for the same types is shadowed only if no event takes it alone.
    #[test]
    fn shadowed_condition_never_holds_alone(
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
        if RouteTable::compile(&config).is_err() {
            for data in data {
                let body = serde_json::json!({ "event": "call.missed", "data": serde_json::from_str::<serde_json::Value>(&data).unwrap() });
                let met = |when: &BTreeMap<String, Predicate>| {
                    when.iter().all(|(field, test)| meets(&body, "call.missed", field, test))
                };
                prop_assert!(met(&config.routes[0].when) || !met(&config.routes[1].when), "{body}");
            }
        }
    }
}
