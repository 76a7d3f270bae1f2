use super::{RecordContext, Records};
use crate::event::{BodyHash, Dialect, Event, EventId, EventType};
use crate::routing::{Config, Match, RouteConfig, Table, UnknownEvents};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
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
        traceparent: None,
    }
}

fn route(topics: &[&str], key: &[&str]) -> RouteConfig {
    RouteConfig {
        matches: vec![Match::Pattern("call.*".into())],
        topics: topics.iter().map(|each| (*each).to_owned()).collect(),
        key: key.iter().map(|each| (*each).to_owned()).collect(),
        headers: BTreeMap::from([("team".into(), "voice".into())]),
    }
}

fn records(route: RouteConfig, event: &Event<'_>, context: &RecordContext<'_>) -> Records {
    let config =
        Config { prefix: "j.".into(), routes: vec![route], unknown_events: UnknownEvents::DeadLetter };
    Table::compile(&config).unwrap().records(event, &Bytes::from_static(BODY), context).unwrap()
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
fn headers_stand_in_their_order_and_absent_ones_are_left_out() {
    let id = format!("ce_id={}", event().id);
    let most = Event { violations: 12, ..event() };
    let traced = RecordContext { traceparent: Some("00-ab-cd-01"), ..context() };
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
            "traceparent=00-ab-cd-01",
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
fn the_time_is_the_events_then_the_signed_then_receipt() {
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
fn the_key_is_the_first_pointer_with_a_value_else_the_entity_id() {
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
fn the_records_of_one_event_share_body_key_and_headers() {
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
fn a_type_that_no_route_takes_makes_no_records() {
    let config = Config { prefix: "j.".into(), routes: vec![], unknown_events: UnknownEvents::DeadLetter };
    let table = Table::compile(&config).unwrap();
    let strange = Event { event_type: EventType::Unknown("strange".into()), ..event() };
    assert_eq!(table.records(&strange, &Bytes::from_static(BODY), &context()), None);
}

#[test]
fn the_record_time_is_receipt_whatever_the_event_says() {
    let late = RecordContext { received_at: context().received_at + TimeDelta::days(1), ..context() };
    let made = records(route(&["t"], &[]), &event(), &late);
    assert_eq!(made[0].timestamp, at("2026-01-03T03:04:06.007Z").timestamp_millis());
}
