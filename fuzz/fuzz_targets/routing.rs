//! Fuzz target: any routes, applied to every known type and to others.
//!
//! The input is text, a word and its argument on each line: `prefix`, `dead_letter`, `route`, which begins a route, and
//! for it `match`, `family`, `topic`, `key`, `header`, `from` (a header and its field), `is`, `begins`, `there`, `gone`
//! (conditions, with a field), `loose` (the conditions that follow ignore case), `drop` and `continue`; `event` and
//! `data` are the routed event.
#![no_main]

use bytes::Bytes;
use justcall_events::{BodyHash, Event, EventType, Family, KnownType, Picks, Scanned, Validation, scan_with};
use justcall_kafka_bridge::internals::routing::{
    Config, Decision, HeaderValue, Match, Operator, Predicate, RecordContext, RouteConfig, RouteResult,
    RouteTable, Routed, UnknownEvents,
};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

fuzz_target!(|input: &str| {
    let case = Case::read(input);
    match RouteTable::compile(&case.config) {
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a problem");
            for problem in problems {
                let names_a_setting = problem.at == "topics.prefix" || problem.at.starts_with("routes[");
                assert!(names_a_setting && !problem.reason.is_empty(), "a problem without a key: {problem}");
            }
        }
        Ok(table) => {
            table.topics().for_each(|topic| assert!(is_legal(topic), "Kafka refuses topic {topic:?}"));
            let known = KnownType::ALL.iter().map(|known| known.name());
            known.chain(case.events.iter().copied()).for_each(|name| routing_is_correct(&table, &case, name));
        }
    }
});

struct Case<'a> {
    config: Config,
    events: Vec<&'a str>,
    data: Value,
    ignore_case: bool,
}

impl<'a> Case<'a> {
    fn read(input: &'a str) -> Self {
        let config = Config {
            prefix: "justcall.".into(),
            templates: Vec::new(),
            routes: Vec::new(),
            unknown_events: UnknownEvents::Forward,
        };
        let data = Value::Object(Map::new());
        let mut case = Self { config, events: Vec::new(), data, ignore_case: false };
        for line in input.split('\n') {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            case.take(word, rest);
        }
        case
    }

    fn take(&mut self, word: &str, rest: &'a str) {
        let two = || rest.split_once(' ').unwrap_or((rest, ""));
        match word {
            "prefix" => self.config.prefix = rest.into(),
            "dead_letter" => self.config.unknown_events = UnknownEvents::DeadLetter,
            "route" => self.config.routes.push(RouteConfig::default()),
            "event" => self.events.push(rest),
            "loose" => self.ignore_case = true,
            "data" => {
                if let Ok(data @ Value::Object(_)) = serde_json::from_str(rest) {
                    self.data = data;
                }
            }
            _ => {
                let Some(route) = self.config.routes.last_mut() else { return };
                let mut when = |pointer: &str, wanted| {
                    let test = Predicate { operator: wanted, ignore_case: self.ignore_case };
                    route.when.insert(pointer.into(), test);
                };
                match word {
                    "is" => when(two().0, Operator::OneOf(two().1.split('|').map(Into::into).collect())),
                    "begins" => when(two().0, Operator::Prefix(two().1.split('|').map(Into::into).collect())),
                    "there" => when(rest, Operator::Exists(true)),
                    "gone" => when(rest, Operator::Exists(false)),
                    "match" => route.matches.push(Match::Pattern(rest.into())),
                    "family" => route.matches.extend(Family::from_name(rest).map(Match::Family)),
                    "topic" => route.topics.push(rest.into()),
                    "key" => route.key.push(rest.into()),
                    "drop" => route.drop = Some(true),
                    "continue" => route.continues = Some(true),
                    "header" => drop(route.headers.insert(two().0.into(), HeaderValue::Text(two().1.into()))),
                    "from" => {
                        route.headers.insert(two().0.into(), HeaderValue::From(vec![two().1.into()]));
                    }
                    _ => {}
                }
            }
        }
    }

    /// Returns the matching routes in order, or the one that drops the event.
    fn routes_of(&self, event_type: &EventType<'_>, body: &Value) -> Result<Vec<usize>, usize> {
        let mut taken = Vec::new();
        let dead_letter = self.config.unknown_events == UnknownEvents::DeadLetter;
        let in_full_only = dead_letter && event_type.known().is_none();
        for (index, route) in self.config.routes.iter().enumerate() {
            let is_meant = route.matches.iter().any(|each| match each {
                Match::Pattern(pattern) if in_full_only => {
                    pattern == event_type.name() && !pattern.contains('*')
                }
                Match::Pattern(pattern) => matches(&segments(pattern), &segments(event_type.name())),
                Match::Family(family) => !in_full_only && event_type.family() == Some(*family),
            });
            let holds = |(field, test): (&String, &Predicate)| {
                holds(field, test, value(body, event_type.name(), field).as_ref())
            };
            if !is_meant || !route.when.iter().all(holds) {
                continue;
            }
            if route.drop == Some(true) {
                return if taken.is_empty() { Err(index) } else { Ok(taken) };
            }
            taken.push(index);
            if route.continues != Some(true) {
                break;
            }
        }
        Ok(taken)
    }
}

fn routing_is_correct(table: &RouteTable, case: &Case<'_>, name: &str) {
    let mut data = case.data.clone();
    for identity in ["call_id", "message_id", "contact_id", "id"] {
        // Without an identity, known types are rejected.
        data[identity] = "1".into();
    }
    let tree = serde_json::json!({ "event": name, "data": data });
    let body = Bytes::from(tree.to_string());
    let mut picks = Picks::of(table.picks());
    let Ok(Scanned::Envelope(envelope)) = scan_with(&body, &mut picks) else { return };
    let event_type = envelope.event_type.clone();
    let hash = BodyHash::of(&body);
    let event = match envelope.validate_with(Validation::Tolerant, &hash, &mut picks) {
        Ok(event) => Event { entity_id: Some("entity".into()), ..event },
        Err(_) => return,
    };
    let expected = case.routes_of(&event_type, &tree);
    explanation_matches_the_decision(table, &event, &picks, &expected);
    let context = RecordContext {
        source_uri: "/justcall/main",
        received_at: chrono::DateTime::UNIX_EPOCH,
        signed_at: None,
        trace: None,
    };
    let records = table.records(&event, &picks, &body, &context);
    let taken = match table.decide(&event, &picks) {
        Decision::Forward(taken) => taken,
        Decision::Drop(route) => {
            assert_eq!((expected, records), (Err(route), Routed::Dropped), "{name} was dropped");
            return;
        }
        Decision::DeadLetter => {
            let is_dead =
                case.config.unknown_events == UnknownEvents::DeadLetter && event_type.known().is_none();
            assert!(is_dead, "{name} became a dead letter");
            assert_eq!(
                (expected, records),
                (Ok(Vec::new()), Routed::DeadLetter),
                "{name} became a dead letter"
            );
            return;
        }
    };
    let routes: Vec<_> = taken.iter().filter_map(|each| each.route).collect();
    assert_eq!(Ok(&routes), expected.as_ref(), "the routes of {name:?}");
    let Routed::Records { records, .. } = records else { panic!("{name} is forwarded without records") };
    let mut topics = Vec::new();
    for (at, destination) in taken.iter().flat_map(|each| each.topics.iter().map(move |topic| (topic, each)))
    {
        assert!(table.topics().any(|known| known == at), "{at} was not announced");
        if !topics.contains(&at) {
            let record = &records[topics.len()];
            topics.push(at);
            record_matches_a_full_parser(
                record,
                destination.route.map(|route| &case.config.routes[route]),
                &tree,
                name,
            );
            assert_eq!((&record.topic, &record.value), (at, &body), "the record for {at}");
        }
    }
    assert_eq!(topics.len(), records.len(), "a record for each topic");
}

fn record_matches_a_full_parser(
    record: &justcall_kafka_bridge::internals::record::Record,
    route: Option<&RouteConfig>,
    tree: &Value,
    name: &str,
) {
    let text = |field: &String, longest: usize| {
        let text = text(&value(tree, name, field)?)?;
        Some(text).filter(|text| !text.is_empty() && text.len() <= longest && !text.contains(is_forbidden))
    };
    let key = route.and_then(|route| route.key.iter().find_map(|pointer| text(pointer, 256)));
    assert_eq!(record.key.as_deref(), Some(key.as_deref().unwrap_or("entity").as_bytes()), "the key");
    for (name, value) in route.iter().flat_map(|route| &route.headers) {
        let expected = match value {
            HeaderValue::Text(text) => Some(text.clone()),
            HeaderValue::From(pointers) => pointers.iter().find_map(|pointer| text(pointer, 1024)),
        };
        assert_eq!(record.headers.get(name), expected.as_deref().map(str::as_bytes), "the header {name}");
    }
}

fn explanation_matches_the_decision(
    table: &RouteTable,
    event: &Event<'_>,
    picks: &Picks<'_, '_>,
    expected: &Result<Vec<usize>, usize>,
) {
    let steps = table.explain(event, picks);
    let took = steps
        .iter()
        .filter(|step| matches!(step.result, RouteResult::Taken | RouteResult::TakenAndContinued));
    let took: Vec<_> = took.map(|step| step.route).collect();
    match expected {
        Ok(expected) => assert_eq!(&took, expected, "explained otherwise"),
        Err(route) => assert!(took.is_empty() && steps[*route].result == RouteResult::Dropped, "not dropped"),
    }
}

/// The field is a JSON pointer, or a named field of the documented dialect.
fn value(tree: &Value, name: &str, field: &str) -> Option<Value> {
    if field.starts_with('/') {
        return tree.pointer(field).cloned();
    }
    let at = |pointer: &str| tree.pointer(pointer).filter(|value| !value.is_null() && **value != "").cloned();
    let family = EventType::from_name(name.into()).family()?;
    let (is_call, is_contact) = (family == Family::Call, family == Family::Contact);
    if !is_call && family != Family::Sms {
        let phone = (is_contact && field == "contact_number").then(|| at("/data/phone")).flatten();
        return phone.map(|value| spelled_value(field, value));
    }
    let direction = || {
        let found = at("/data/direction").map(|value| spelled_value("direction", value));
        found.or_else(|| (name == "voicemail.received").then(|| "inbound".into()))
    };
    let found = match field {
        "direction" => direction(),
        "from" | "to" => at(&format!("/data/{field}")),
        "agent" => at("/data/agent_id"),
        "disposition" => at("/data/disposition").filter(|_| is_call),
        "recording" => at("/data/recording_url").filter(|_| is_call),
        _ => match (direction()?.as_str()?, field) {
            ("inbound", "contact_number") | ("outbound", "justcall_number") => at("/data/from"),
            ("outbound", "contact_number") | ("inbound", "justcall_number") => at("/data/to"),
            _ => None,
        },
    };
    found.map(|value| spelled_value(field, value))
}

fn spelled_value(field: &str, value: Value) -> Value {
    text(&value).map_or(value, |text| spelled(field, &text).into())
}

fn spelled(field: &str, text: &str) -> String {
    let is_number = (7..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    match field {
        "direction" => match text.to_ascii_lowercase().as_str() {
            "inbound" | "incoming" => "inbound".into(),
            "outbound" | "outgoing" => "outbound".into(),
            _ => text.into(),
        },
        "from" | "to" | "contact_number" | "justcall_number" if is_number => format!("+{text}"),
        _ => text.into(),
    }
}

fn is_forbidden(character: char) -> bool {
    let code = u32::from(character);
    character.is_control() || (0xFDD0..=0xFDEF).contains(&code) || code & 0xFFFE == 0xFFFE
}

fn holds(field: &str, test: &Predicate, value: Option<&Value>) -> bool {
    let fold = |text: &str| -> String {
        if test.ignore_case { text.chars().flat_map(char::to_lowercase).collect() } else { text.into() }
    };
    let text = value.and_then(text).map(|text| fold(&text));
    match &test.operator {
        Operator::Exists(wanted) => *wanted == value.is_some_and(|value| !value.is_null()),
        Operator::OneOf(texts) => {
            text.is_some_and(|text| texts.iter().any(|each| spelled(field, &fold(each)) == text))
        }
        Operator::Prefix(texts) => {
            text.is_some_and(|text| texts.iter().any(|each| text.starts_with(&fold(each))))
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Kafka's rules, independently of the bridge.
fn is_legal(topic: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=249).contains(&topic.len()) && topic.bytes().all(legal) && topic != "." && topic != ".."
}

fn segments(text: &str) -> Vec<&str> {
    text.split('.').collect()
}

fn matches(pattern: &[&str], name: &[&str]) -> bool {
    match (pattern, name) {
        (["*"], [_, ..]) => true,
        ([wanted, pattern @ ..], [found, name @ ..]) => {
            (*wanted == "*" || wanted == found) && matches(pattern, name)
        }
        _ => pattern.is_empty() && name.is_empty(),
    }
}
