use super::{RecordContext, Records, Routed};
use crate::record::TraceContext;
use crate::routing::{Config, HeaderValue, Match, RouteConfig, RouteTable, UnknownEvents};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use justcall_events::{BodyHash, Dialect, Event, EventId, EventType, Picks, Scanned, Validation, scan_with};
use std::borrow::Cow;
use std::collections::BTreeMap;

const BODY: &[u8] = br#"{"event":"call.missed","data":{"call_id":"c1","agent_id":42,"empty":""}}"#;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn event() -> Event<'static> {
    Event {
        dialect: Dialect::Documented,
        event_type: EventType::from_name(Cow::Borrowed("call.missed")),
        id: EventId::from_hash(&BodyHash::of(BODY)),
        entity_id: Some("c1".into()),
        time: Some("2026-01-02T03:04:05Z".into()),
        violations: 0,
    }
}

fn context() -> RecordContext<'static> {
    RecordContext {
        source_uri: "/justcall/main",
        received_at: at("2026-01-02T03:04:06.007Z"),
        signed_at: None,
        trace: None,
    }
}

fn route(topics: &[&str], key: &[&str]) -> RouteConfig {
    RouteConfig {
        matches: vec![Match::Pattern("call.*".into())],
        topics: topics.iter().map(|each| (*each).to_owned()).collect(),
        key: key.iter().map(|each| (*each).to_owned()).collect(),
        headers: BTreeMap::from([("team".into(), HeaderValue::Text("voice".into()))]),
        ..RouteConfig::default()
    }
}

fn config(routes: Vec<RouteConfig>) -> Config {
    let unknown_events = UnknownEvents::DeadLetter;
    Config { prefix: "j.".into(), templates: Vec::new(), routes, unknown_events }
}

/// Routes an event like ingest, with the captured fields of its body.
fn routed(
    routes: Vec<RouteConfig>,
    event: &Event<'_>,
    body: &'static [u8],
    context: &RecordContext<'_>,
) -> Routed {
    let table = RouteTable::compile(&config(routes)).unwrap();
    let mut picks = Picks::of(table.picks());
    if let Ok(Scanned::Envelope(envelope)) = scan_with(body, &mut picks) {
        let _ = envelope.validate_with(Validation::Documented, &BodyHash::of(body), &mut picks);
    }
    table.records(event, &picks, &Bytes::from_static(body), context)
}

fn records(route: RouteConfig, event: &Event<'_>, context: &RecordContext<'_>) -> Records {
    let Routed::Records { records, .. } = routed(vec![route], event, BODY, context) else {
        panic!("no records")
    };
    records
}

fn headers(event: &Event<'_>, context: &RecordContext<'_>) -> Vec<String> {
    let records = records(route(&["t"], &[]), event, context);
    records[0]
        .headers
        .iter()
        .map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value)))
        .collect()
}

#[test]
fn headers_are_ordered_and_absent_ones_left_out() {
    let id = format!("ce_id={}", event().id);
    let most = Event { violations: 12, ..event() };
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let trace = TraceContext::parse(parent, Some("vendor=1"));
    let traced = RecordContext { trace: trace.as_ref(), ..context() };
    assert_eq!(
        headers(&most, &traced),
        [
            "ce_specversion=1.0",
            &id,
            "ce_source=/justcall/main",
            "ce_type=call.missed",
            "ce_time=2026-01-02T03:04:05Z",
            "ce_subject=c1",
            "ce_dialect=documented",
            "content-type=application/json",
            &format!("traceparent={parent}"),
            "tracestate=vendor=1",
            "justcall-violations=12",
            "team=voice",
        ]
    );
    let least = Event { entity_id: None, ..event() };
    assert_eq!(
        headers(&least, &context()),
        [
            "ce_specversion=1.0",
            &id,
            "ce_source=/justcall/main",
            "ce_type=call.missed",
            "ce_time=2026-01-02T03:04:05Z",
            "ce_dialect=documented",
            "content-type=application/json",
            "team=voice",
        ]
    );
}

#[test]
fn ce_time_is_of_the_event_then_signature_then_receipt() {
    let timeless = Event { time: None, ..event() };
    let signed = RecordContext { signed_at: Some(at("2026-01-02T03:04:05Z")), ..context() };
    let time = |event: &Event<'_>, context: &RecordContext<'_>| headers(event, context)[4].clone();
    assert_eq!(time(&event(), &signed), "ce_time=2026-01-02T03:04:05Z");
    assert_eq!(time(&timeless, &signed), "ce_time=2026-01-02T03:04:05.000Z");
    assert_eq!(time(&timeless, &context()), "ce_time=2026-01-02T03:04:06.007Z");
    let leap = RecordContext { received_at: at("2016-12-31T23:59:60.5Z"), ..context() };
    assert_eq!(time(&timeless, &leap), "ce_time=2016-12-31T23:59:59.999Z");
}

#[test]
fn key_is_the_first_value_or_the_entity_id() {
    let key = |pointers: &[&str], event: &Event<'_>| {
        records(route(&["t"], pointers), event, &context())[0].key.clone()
    };
    let of = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
    let nameless = Event { entity_id: None, ..event() };
    assert_eq!(key(&[], &event()), of("c1"));
    assert_eq!(key(&["/data/agent_id"], &event()), of("42"));
    assert_eq!(key(&["/data/none", "/data/empty", "/event"], &event()), of("call.missed"));
    assert_eq!(key(&["/data/none", "/data"], &event()), of("c1"));
    assert_eq!(key(&["/data/none"], &nameless), None);
    assert_eq!(key(&["/data/agent_id"], &nameless), of("42"));
}

#[test]
fn records_of_one_event_share_body_key_and_headers() {
    let made = records(route(&["a", "b.{event}", "c"], &[]), &event(), &context());
    let topics: Vec<_> = made.iter().map(|record| &*record.topic).collect();
    assert_eq!(topics, ["a", "b.call.missed", "c"]);
    for record in &made {
        assert_eq!(record.value.as_ptr(), BODY.as_ptr());
        assert_eq!(record.headers.as_bytes().as_ptr(), made[0].headers.as_bytes().as_ptr());
        assert_eq!(record.key.as_ref().map(|key| key.as_ptr()), made[0].key.as_ref().map(|key| key.as_ptr()));
        assert_eq!(record.timestamp, at("2026-01-02T03:04:06.007Z").timestamp_millis());
    }
}

#[test]
fn unknown_type_without_a_route_is_a_dead_letter() {
    let strange = Event { event_type: EventType::Unknown("strange".into()), ..event() };
    assert_eq!(routed(vec![], &strange, BODY, &context()), Routed::DeadLetter);
}

#[test]
fn record_timestamp_is_the_time_of_receipt() {
    let late = RecordContext { received_at: context().received_at + TimeDelta::days(1), ..context() };
    let made = records(route(&["t"], &[]), &event(), &late);
    assert_eq!(made[0].timestamp, at("2026-01-03T03:04:06.007Z").timestamp_millis());
}

const LIVE: &[u8] = br#"{"type":"call.missed","request_id":"r1","data":{"call_sid":"CA1","id":7,
    "agent":{"name":"Ann","long":"%"},"tags":["a","b"]}}"#;

fn pointed(headers: &[(&str, &[&str])]) -> RouteConfig {
    let from =
        |pointers: &[&str]| HeaderValue::From(pointers.iter().map(|text| (*text).to_owned()).collect());
    RouteConfig {
        headers: headers.iter().map(|(name, pointers)| ((*name).into(), from(pointers))).collect(),
        ..route(&["t"], &[])
    }
}

#[test]
fn header_takes_the_first_field_with_text() {
    let route = pointed(&[
        ("agent", &["/data/agent/id", "/data/agent/name"]),
        ("first-tag", &["/data/tags/0"]),
        ("id", &["/data/id"]),
        ("none", &["/data/agent", "/data/nothing"]),
    ]);
    let Routed::Records { records, .. } = routed(vec![route], &event(), LIVE, &context()) else {
        panic!("records")
    };
    let own: Vec<_> = records[0].headers.iter().skip(8).collect();
    assert_eq!(own, [("agent", &b"Ann"[..]), ("first-tag", b"a"), ("id", b"7")]);
}

#[test]
fn long_values_are_neither_keys_nor_headers() {
    let long = |bytes: usize| {
        let body =
            format!(r#"{{"event":"call.missed","data":{{"long":"{}","short":"s"}}}}"#, "x".repeat(bytes));
        &*Box::leak(body.into_bytes().into_boxed_slice())
    };
    let with = |body| {
        let route = RouteConfig {
            key: vec!["/data/long".into(), "/data/short".into()],
            ..pointed(&[("long", &["/data/long"])])
        };
        let Routed::Records { records, .. } = routed(vec![route], &event(), body, &context()) else {
            panic!("records")
        };
        (records[0].key.clone().unwrap().len(), records[0].headers.get("long").map(<[u8]>::len))
    };
    assert_eq!(with(long(256)), (256, Some(256)));
    assert_eq!(with(long(257)), (1, Some(257)));
    assert_eq!(with(long(1024)), (1, Some(1024)));
    assert_eq!(with(long(1025)), (1, None));
}

#[test]
fn value_with_a_control_character_is_neither_key_nor_header() {
    let body = br#"{"event":"call.missed","data":{"note":"a\r\nb: c","plain":"p"}}"#;
    let headers = pointed(&[("note", &["/data/note"]), ("either", &["/data/note", "/data/plain"])]);
    let route = RouteConfig { key: vec!["/data/note".into(), "/data/plain".into()], ..headers };
    let Routed::Records { records, .. } = routed(vec![route], &event(), body, &context()) else {
        panic!("records")
    };
    assert_eq!(records[0].key.as_deref(), Some(&b"p"[..]));
    assert_eq!(records[0].headers.get("note"), None);
    assert_eq!(records[0].headers.get("either"), Some(&b"p"[..]));
}

#[test]
fn each_topic_gets_one_record_of_its_first_route() {
    let on = |topics: &[&str], key: &str, team: &str| RouteConfig {
        continues: Some(true),
        headers: BTreeMap::from([("team".into(), HeaderValue::Text(team.into()))]),
        ..route(topics, &[key])
    };
    let routes = vec![
        on(&["a", "b"], "/data/agent_id", "one"),
        on(&["b", "c"], "/event", "two"),
        RouteConfig { continues: None, ..on(&["a", "d"], "/data/none", "three") },
    ];
    let Routed::Records { records, .. } = routed(routes, &event(), BODY, &context()) else {
        panic!("records")
    };
    let made: Vec<_> = records
        .iter()
        .map(|record| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let team = text(record.headers.get("team").unwrap());
            (record.topic.to_string(), text(record.key.as_ref().unwrap()), team)
        })
        .collect();
    let expected =
        [("a", "42", "one"), ("b", "42", "one"), ("c", "call.missed", "two"), ("d", "c1", "three")];
    assert_eq!(made, expected.map(|(topic, key, team)| (topic.into(), key.into(), team.into())));
}

#[test]
fn dropped_event_has_no_records() {
    let route =
        RouteConfig { topics: Vec::new(), headers: BTreeMap::new(), drop: Some(true), ..route(&[], &[]) };
    assert_eq!(routed(vec![route], &event(), BODY, &context()), Routed::Dropped);
}
