use super::{Decision, Destination, RouteTable};
use crate::routing::{Config, Match, RouteConfig, UnknownEvents};
use justcall_events::{BodyHash, Dialect, Event, EventId, EventType, Family, KnownType, Picks};
use proptest::prelude::*;
use std::borrow::Cow;
use std::sync::Arc;

mod conditions;

pub(in crate::routing) fn event(name: &str) -> Event<'_> {
    Event {
        dialect: Dialect::Live,
        event_type: EventType::from_name(Cow::Borrowed(name)),
        id: EventId::from_hash(&BodyHash::of(b"")),
        entity_id: None,
        time: None,
        violations: 0,
    }
}

fn route(matches: &[Match], topics: &[&str]) -> RouteConfig {
    RouteConfig {
        matches: matches.to_vec(),
        topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
        ..RouteConfig::default()
    }
}

fn pattern(text: &str) -> Match {
    Match::Pattern(text.into())
}

fn table(routes: Vec<RouteConfig>, unknown_events: UnknownEvents) -> RouteTable {
    let config = Config { prefix: "j.".into(), templates: Vec::new(), routes, unknown_events };
    RouteTable::compile(&config).unwrap()
}

/// `None`: a dead letter.
fn only<'t>(table: &'t RouteTable, name: &str) -> Option<&'t Destination> {
    match table.decide(&event(name), &Picks::default()) {
        Decision::Forward(destinations) => {
            assert_eq!(destinations.len(), 1, "{name}: no route continues");
            Some(destinations[0])
        }
        Decision::DeadLetter => None,
        Decision::Drop(route) => panic!("{name} is dropped by {route}"),
    }
}

fn topics(table: &RouteTable, name: &str) -> String {
    only(table, name).map_or("dead letter".into(), |destination| destination.topics.join(" "))
}

fn sample() -> Vec<RouteConfig> {
    vec![
        route(&[pattern("call.missed"), pattern("call.lost")], &["missed"]),
        route(&[Match::Family(Family::Call)], &["calls", "all.{event}"]),
        route(&[pattern("*.received")], &["in.{family}"]),
        route(&[pattern("party.started")], &["party.{event}"]),
    ]
}

#[test]
fn destinations_are_those_of_events() {
    let table = table(sample(), UnknownEvents::Forward);
    let to = |known: Option<KnownType>| {
        let found = table.destinations().filter(|each| each.0 == known);
        found.flat_map(|(_, to)| to.topics.iter()).map(|topic| &**topic).collect::<Vec<_>>()
    };
    for known in KnownType::ALL {
        assert_eq!(to(Some(*known)).join(" "), topics(&table, known.name()));
    }
    assert!(to(None).contains(&"in.sms") && to(None).contains(&"j.unknown"));
    let named: std::collections::BTreeSet<_> = table.destinations().flat_map(|each| &each.1.topics).collect();
    assert!(named.into_iter().eq(table.topics()), "each topic has a destination");
}

#[test]
fn first_matching_route_takes_the_event() {
    let forward = table(sample(), UnknownEvents::Forward);
    let dead_letter = table(sample(), UnknownEvents::DeadLetter);
    let cases = [
        // Type, topics with `forward`, topics with `dead_letter`.
        ("call.missed", "missed", "missed"),
        ("call.completed", "calls all.call.completed", "calls all.call.completed"),
        ("sd.call_updated", "calls all.sd.call_updated", "calls all.sd.call_updated"),
        ("voicemail.received", "calls all.voicemail.received", "calls all.voicemail.received"),
        ("sms.received", "in.sms", "in.sms"),
        ("sms.sent", "j.sms.sent", "j.sms.sent"),
        ("call.lost", "missed", "missed"),
        ("call.new", "calls all.unknown", "dead letter"),
        ("fax.received", "in.unknown", "dead letter"),
        ("whatsapp.received", "in.whatsapp", "dead letter"),
        ("party.started", "party.unknown", "party.unknown"),
        ("party.ended", "j.unknown", "dead letter"),
        ("", "j.unknown", "dead letter"),
    ];
    for (name, forwarded, strict) in cases {
        assert_eq!(topics(&forward, name), forwarded, "{name}");
        assert_eq!(topics(&dead_letter, name), strict, "{name}");
    }
}

#[test]
fn without_routes_each_known_type_has_its_topic() {
    let table = table(Vec::new(), UnknownEvents::Forward);
    for known in KnownType::ALL {
        assert_eq!(topics(&table, known.name()), format!("j.{known}"));
    }
    assert_eq!(table.topics().count(), KnownType::ALL.len() + 1);
}

#[test]
fn destination_names_its_route() {
    let table = table(sample(), UnknownEvents::Forward);
    for (name, expected) in
        [("call.missed", Some(0)), ("sms.received", Some(2)), ("sms.sent", None), ("party.started", Some(3))]
    {
        assert_eq!(only(&table, name).unwrap().route, expected, "{name}");
    }
}

#[test]
fn topics_are_exactly_the_reachable_ones() {
    let names = |routes, unknown_events| {
        table(routes, unknown_events)
            .topics()
            .filter(|topic| !topic.starts_with("j.") || topic.ends_with("unknown"))
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    use UnknownEvents::{DeadLetter, Forward};
    assert_eq!(names(vec![], Forward), ["j.unknown"]);
    assert_eq!(names(vec![], DeadLetter), [""; 0]);
    assert_eq!(names(vec![route(&[pattern("*")], &["all"])], Forward), ["all"]);
    assert_eq!(names(vec![route(&[pattern("call.missed")], &["m.{event}"])], DeadLetter), ["m.call.missed"]);
    assert_eq!(names(vec![route(&[pattern("call.new")], &["m.{family}"])], DeadLetter), ["m.call"]);
    assert_eq!(names(vec![route(&[pattern("sms.*")], &["m.{family}"])], Forward), ["j.unknown", "m.sms"]);
    // An earlier route takes `call.missed`.
    let before = vec![route(&[pattern("call.missed")], &["m"]), route(&[pattern("call.*")], &["c.{event}"])];
    assert!(!names(before, DeadLetter).contains(&"c.call.missed".to_owned()));
}

#[test]
fn topic_name_is_allocated_once() {
    let both = vec![route(&[pattern("call.*")], &["all"]), route(&[pattern("sms.*")], &["all"])];
    let table = table(both, UnknownEvents::Forward);
    let of = |name| Arc::clone(&only(&table, name).unwrap().topics[0]);
    assert!(Arc::ptr_eq(&of("call.missed"), &of("sms.sent")));
    assert!(Arc::ptr_eq(&of("call.missed"), &of("call.new")));
}

#[test]
fn unknown_families_have_the_order_of_their_index() {
    for (slot, family) in super::super::route::UNKNOWN_FAMILIES.iter().enumerate() {
        assert_eq!(slot, family.map_or(Family::ALL.len(), Family::index));
    }
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "(call|sms|voicemail|contact|jc|sd|x)\\.(call_|contact_|received|missed|sent|y)(\\.z)?",
        prop::sample::select(KnownType::ALL).prop_map(|known| known.name().to_owned()),
        "[^\\p{C}]{0,40}",
    ]
}

fn any_route() -> impl Strategy<Value = RouteConfig> {
    let matches = prop_oneof![
        "(call|sms|jc|x|\\*)(\\.(received|missed|y|\\*)){0,2}".prop_map(Match::Pattern),
        prop::sample::select(&Family::ALL[..]).prop_map(Match::Family),
    ];
    let topic = prop::sample::select(vec!["a.{event}", "b.{family}", "c.{family}.{event}", "d"]);
    (prop::collection::vec(matches, 1..3), topic).prop_map(|(matches, topic)| route(&matches, &[topic]))
}

fn without_shadowed(
    mut routes: Vec<RouteConfig>,
    unknown_events: UnknownEvents,
) -> (Vec<RouteConfig>, RouteTable) {
    loop {
        let config =
            Config { prefix: "j.".into(), templates: Vec::new(), routes: routes.clone(), unknown_events };
        let problems = match RouteTable::compile(&config) {
            Ok(table) => return (routes, table),
            Err(problems) => problems,
        };
        let index = problems[0].at.strip_prefix("routes[").and_then(|at| at.strip_suffix(']'));
        routes.remove(index.unwrap_or_else(|| panic!("{problems:?}")).parse().unwrap());
    }
}

proptest! {
    #[test]
    fn events_go_only_to_topics_of_the_table(
        routes in prop::collection::vec(any_route(), 0..4),
        forward: bool,
        name in any_name(),
    ) {
        let unknown_events = if forward { UnknownEvents::Forward } else { UnknownEvents::DeadLetter };
        let (_, table) = without_shadowed(routes, unknown_events);
        match only(&table, &name) {
            Some(destination) => {
                for topic in &destination.topics {
                    prop_assert!(table.topics().any(|known| known == topic), "{topic}");
                }
            }
            None => prop_assert!(!forward && KnownType::from_name(&name).is_none(), "{name} is lost"),
        }
    }

    #[test]
    fn known_and_unknown_types_take_the_same_first_match(
        routes in prop::collection::vec(any_route(), 0..4),
        name in any_name(),
    ) {
        let (routes, table) = without_shadowed(routes, UnknownEvents::Forward);
        let expected = routes.iter().position(|route| {
            route.matches.iter().any(|each| match each {
                Match::Pattern(text) => crate::routing::pattern::Pattern::parse(text).unwrap().matches(&name),
                Match::Family(family) => event(&name).event_type.family() == Some(*family),
            })
        });
        prop_assert_eq!(only(&table, &name).unwrap().route, expected);
    }

    #[test]
    fn no_event_reaches_a_shadowed_route(
        routes in prop::collection::vec(any_route(), 2..5),
        names in prop::collection::vec(any_name(), 20),
    ) {
        let config = Config {
            prefix: "j.".into(),
            templates: Vec::new(),
            routes: routes.clone(),
            unknown_events: UnknownEvents::Forward,
        };
        for problem in RouteTable::compile(&config).err().unwrap_or_default() {
            let index: usize = problem.at["routes[".len()..problem.at.len() - 1].parse().unwrap();
            let takes = |route: &RouteConfig, name: &str| route.matches.iter().any(|each| match each {
                Match::Pattern(text) => crate::routing::pattern::Pattern::parse(text).unwrap().matches(name),
                Match::Family(family) => event(name).event_type.family() == Some(*family),
            });
            for name in &names {
                let first = routes.iter().position(|route| takes(route, name));
                prop_assert_ne!(first, Some(index), "{} is not shadowed from {}", problem.at, name);
            }
        }
    }
}
