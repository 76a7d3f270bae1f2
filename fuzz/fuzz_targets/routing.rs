//! Any routes, and what they make of every known type and of any other.
//!
//! The input is text, a word and what belongs to it on each line: `prefix`, `dead_letter`, `route`,
//! which begins a route, and for it `match`, `family`, `topic`, `key`, `header`; `event` and `body`
//! are what is routed.
#![no_main]

use bytes::Bytes;
use justcall_kafka_bridge::event::{BodyHash, Dialect, Event, EventId, EventType, Family, KnownType};
use justcall_kafka_bridge::routing::{
    Config, Decision, Match, Pointer, RecordContext, RouteConfig, Table, UnknownEvents,
};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::collections::BTreeMap;

fuzz_target!(|input: &str| {
    let case = Case::read(input);
    for pointer in case.config.routes.iter().flat_map(|route| &route.key) {
        points_where_others_point(pointer, case.body);
    }
    match Table::compile(&case.config) {
        Err(problems) => {
            assert!(!problems.is_empty(), "refused for nothing");
            for problem in problems {
                let names_a_setting = problem.at == "topics.prefix" || problem.at.starts_with("routes[");
                assert!(names_a_setting && !problem.reason.is_empty(), "a problem with nothing: {problem}");
            }
        }
        Ok(table) => {
            table.topics().for_each(|topic| assert!(is_legal(topic), "Kafka takes no topic {topic:?}"));
            let known = KnownType::ALL.iter().map(|known| EventType::Known(*known));
            let given = case.events.iter().map(|name| EventType::from_name((*name).into()));
            known.chain(given).for_each(|event_type| goes_where_it_should(&table, &case, event_type));
        }
    }
});

struct Case<'a> {
    config: Config,
    events: Vec<&'a str>,
    body: &'a str,
}

impl<'a> Case<'a> {
    fn read(input: &'a str) -> Self {
        let unknown_events = UnknownEvents::Forward;
        let config = Config { prefix: "justcall.".into(), routes: Vec::new(), unknown_events };
        let mut case = Self { config, events: Vec::new(), body: "" };
        for line in input.split('\n') {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            case.take(word, rest);
        }
        case
    }

    fn take(&mut self, word: &str, rest: &'a str) {
        match word {
            "prefix" => self.config.prefix = rest.into(),
            "dead_letter" => self.config.unknown_events = UnknownEvents::DeadLetter,
            "route" => self.config.routes.push(RouteConfig {
                matches: Vec::new(),
                topics: Vec::new(),
                key: Vec::new(),
                headers: BTreeMap::new(),
            }),
            "event" => self.events.push(rest),
            "body" => self.body = rest,
            _ => {
                let Some(route) = self.config.routes.last_mut() else { return };
                match word {
                    "match" => route.matches.push(Match::Pattern(rest.into())),
                    "family" => route.matches.extend(Family::from_name(rest).map(Match::Family)),
                    "topic" => route.topics.push(rest.into()),
                    "key" => route.key.push(rest.into()),
                    "header" => {
                        let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
                        route.headers.insert(name.into(), value.into());
                    }
                    _ => {}
                }
            }
        }
    }

    /// The first route that takes a type, and whether there is one.
    fn route_of(&self, event_type: &EventType<'_>) -> Option<usize> {
        let dead_letter = self.config.unknown_events == UnknownEvents::DeadLetter;
        let in_full_only = dead_letter && event_type.known().is_none();
        self.config.routes.iter().position(|route| {
            route.matches.iter().any(|each| match each {
                Match::Pattern(pattern) if in_full_only => {
                    pattern == event_type.name() && !pattern.contains('*')
                }
                Match::Pattern(pattern) => matches(&segments(pattern), &segments(event_type.name())),
                Match::Family(family) => !in_full_only && event_type.family() == Some(*family),
            })
        })
    }
}

fn goes_where_it_should(table: &Table, case: &Case<'_>, event_type: EventType<'_>) {
    let is_dead = case.config.unknown_events == UnknownEvents::DeadLetter && event_type.known().is_none();
    let expected = case.route_of(&event_type);
    let body = Bytes::copy_from_slice(case.body.as_bytes());
    let event = Event {
        dialect: Dialect::Live,
        event_type,
        id: EventId::from_hash(&BodyHash::of(&body)),
        entity_id: Some("entity".into()),
        time: None,
        violations: 0,
    };
    let destination = match table.decide(&event) {
        Decision::DeadLetter => {
            assert!(is_dead && expected.is_none(), "{} became a dead letter", event.event_type.name());
            return;
        }
        Decision::Forward(destination) => destination,
    };
    assert_eq!(destination.route, expected, "the route of {:?}", event.event_type.name());
    let wanted = expected.map_or(1, |route| case.config.routes[route].topics.len());
    assert_eq!(destination.topics.len(), wanted, "how many topics");
    for (at, topic) in destination.topics.iter().enumerate() {
        assert!(table.topics().any(|known| known == topic), "{topic} was not announced");
        assert!(!destination.topics[..at].contains(topic), "{topic} twice");
    }
    let context = RecordContext {
        source_uri: "/justcall/main",
        received_at: chrono::DateTime::UNIX_EPOCH,
        signed_at: None,
        traceparent: None,
    };
    let records = table.records(&event, &body, &context).expect("it is forwarded");
    assert!(records.iter().map(|record| &record.topic).eq(&*destination.topics), "other topics");
    let key = destination.key.iter().find_map(|pointer| pointer.read(&body));
    for record in &records {
        assert_eq!(record.key.as_deref(), Some(key.as_deref().unwrap_or("entity").as_bytes()), "the key");
        assert_eq!(record.value, body, "the value");
    }
}

/// Kafka's rules for names, said once more.
fn is_legal(topic: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=249).contains(&topic.len()) && topic.bytes().all(legal) && topic != "." && topic != ".."
}

fn segments(text: &str) -> Vec<&str> {
    text.split('.').collect()
}

/// What a pattern means, said once more.
fn matches(pattern: &[&str], name: &[&str]) -> bool {
    match (pattern, name) {
        (["*"], [_, ..]) => true,
        ([wanted, pattern @ ..], [found, name @ ..]) => {
            (*wanted == "*" || wanted == found) && matches(pattern, name)
        }
        _ => pattern.is_empty() && name.is_empty(),
    }
}

/// Holds a pointer to what a reader that builds the whole tree finds.
fn points_where_others_point(text: &str, body: &str) {
    let Ok(pointer) = Pointer::parse(text) else { return };
    let found = pointer.read(body.as_bytes());
    let Ok(tree) = serde_json::from_str::<Value>(body) else { return };
    match tree.pointer(text) {
        Some(Value::String(text)) if !text.is_empty() => {
            assert_eq!(found.as_deref(), Some(&**text), "a string")
        }
        Some(Value::Number(number)) => {
            let read = found.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
            assert_eq!(read, Some(Value::Number(number.clone())), "a number");
        }
        _ => assert_eq!(found, None, "nothing that is a key"),
    }
}
