//! Fuzz target: any body, through validation and the default routes.
#![no_main]

use bytes::Bytes;
use chrono::DateTime;
use justcall_events::{
    BodyHash, Dialect, Documented, Envelope, Event, EventType, Live, Malformed, Picks, Scanned, Validation,
    scan,
};
use justcall_kafka_bridge::internals::config::Settings;
use justcall_kafka_bridge::internals::routing::{RecordContext, RouteTable, Routed};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use serde_json::Value;
use std::sync::LazyLock;

static TABLE: LazyLock<RouteTable> =
    LazyLock::new(|| RouteTable::compile(&Settings::default().routing).expect("the default routes hold"));

fuzz_target!(|body: &[u8]| {
    // From bytes, serde_json would not check skipped text for UTF-8.
    let is_json = str::from_utf8(body).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
    match scan(body) {
        Err(Malformed::NotJson) => assert!(!is_json, "valid JSON was reported as invalid"),
        Err(_) => assert!(is_json, "invalid JSON was accepted"),
        Ok(Scanned::Probe) => assert!(is_json || body.trim_ascii().is_empty(), "a probe has another form"),
        Ok(Scanned::Envelope(envelope)) => {
            assert!(is_json, "an envelope that is not JSON");
            envelope_matches_a_full_parser(&envelope, body);
            stricter_modes_accept_fewer_bodies(body);
        }
    }
});

fn envelope_matches_a_full_parser(envelope: &Envelope<'_>, body: &[u8]) {
    let name = envelope.event_type.name();
    assert!((1..=256).contains(&name.len()) && !name.contains(char::is_control), "no name: {name:?}");
    // That parser has its own limits: on depth, on the size of numbers, on surrogates.
    let Ok(tree) = serde_json::from_slice::<Value>(body) else { return };
    let (mark, other) = match envelope.dialect {
        Dialect::Documented => ("event", "type"),
        Dialect::Live => ("type", "event"),
    };
    assert_eq!(tree[mark], name, "the type");
    assert!(tree.get(other).is_none(), "both dialects at once");
    assert!(tree["data"].is_object(), "data is not an object");
    let url = if envelope.dialect == Dialect::Live { tree["webhook_url"].as_str() } else { None };
    assert_eq!(envelope.webhook_url.as_deref(), url, "the URL that is signed");
}

fn stricter_modes_accept_fewer_bodies(body: &[u8]) {
    let [strict, documented, tolerant] =
        [Validation::Strict, Validation::Documented, Validation::Tolerant].map(|mode| validated(body, mode));
    if let Some(event) = &strict {
        assert_eq!(Some(event), documented.as_ref(), "strict and documented differ");
    }
    let flawless = tolerant.as_ref().filter(|event| event.violations == 0);
    assert_eq!(documented.as_ref(), flawless, "documented, and tolerant without a violation, differ");
    if let Some(event) = &documented {
        reads_as_a_struct(event, body);
    }
    if let Some(event) = &tolerant {
        reads_as_live(event, body);
        is_sound(event, body);
        becomes_one_record(event, body);
    }
}

fn validated(body: &[u8], mode: Validation) -> Option<Event<'_>> {
    let Ok(Scanned::Envelope(envelope)) = scan(body) else { panic!("the same body has another result") };
    envelope.validate(mode, &BodyHash::of(body)).ok()
}

fn is_sound(event: &Event<'_>, body: &[u8]) {
    let id = event.id.as_str();
    assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "no event id: {id:?}");
    match id.len() {
        26 => assert_eq!(event.dialect, Dialect::Live, "a request_id in the documented dialect"),
        _ => assert_eq!(id, hex(&BodyHash::of(body).prefix()), "an id that is not a hash"),
    }
    if let Some(entity) = &event.entity_id {
        assert!((1..=256).contains(&entity.len()), "an entity id of {} bytes", entity.len());
    }
    if let Some(time) = &event.time {
        assert!(time.is_ascii() && DateTime::parse_from_rfc3339(time).is_ok(), "no time: {time:?}");
    }
    if event.event_type.known().is_some() {
        assert!(event.entity_id.is_some(), "a known type without identity");
    }
}

fn reads_as_a_struct(event: &Event<'_>, body: &[u8]) {
    let EventType::Known(known) = event.event_type else { return };
    if event.dialect != Dialect::Documented || known.documented_fields().is_none() {
        return;
    }
    let typed = Documented::from_slice(body).expect("a valid event has a typed form");
    assert_eq!(typed.data.event_type(), known);
    assert_eq!(typed.timestamp.as_deref(), event.time.as_deref());
    let written = serde_json::to_vec(&typed).expect("a typed event serializes");
    assert_eq!(Documented::from_slice(&written).ok(), Some(typed.clone()), "the second reading differs");
    let again = validated(&written, Validation::Documented).expect("the serialized event is valid");
    assert_eq!(again.entity_id, event.entity_id, "another entity");
}

fn reads_as_live(event: &Event<'_>, body: &[u8]) {
    if event.dialect != Dialect::Live {
        return;
    }
    let typed = Live::from_slice(body).expect("a valid event has a typed form");
    assert_eq!(typed.event_type, event.event_type);
    let written = serde_json::to_vec(&typed).expect("a typed event serializes");
    assert_eq!(Live::from_slice(&written).ok(), Some(typed.clone()), "the second reading differs");
}

fn becomes_one_record(event: &Event<'_>, body: &[u8]) {
    let value = Bytes::copy_from_slice(body);
    let context = RecordContext {
        source_uri: "/justcall/main",
        received_at: DateTime::UNIX_EPOCH,
        signed_at: None,
        trace: None,
    };
    let routed = TABLE.records(event, &Picks::default(), &value, &context);
    let Routed::Records { records, .. } = routed else { panic!("the default routes do not match the event") };
    let [record] = &records[..] else { panic!("{} records", records.len()) };
    assert_eq!(
        (record.value.as_ptr(), record.value.len()),
        (value.as_ptr(), value.len()),
        "the value is not the body"
    );
    let topic = match event.event_type.known() {
        Some(known) => format!("justcall.{known}"),
        None => "justcall.unknown".to_owned(),
    };
    assert_eq!(*record.topic, *topic, "a body named a topic");
    let entity = event.entity_id.as_deref().map(str::as_bytes);
    assert_eq!(record.key.as_deref(), entity, "the key");
    assert_eq!(record.headers.get("ce_subject"), entity, "the subject");
    assert_eq!(record.headers.get("ce_type"), Some(event.event_type.name().as_bytes()), "the type");
    assert_eq!(record.headers.get("ce_id"), Some(event.id.as_str().as_bytes()), "the id");
    let time = record.headers.get("ce_time").and_then(|time| str::from_utf8(time).ok());
    assert!(time.is_some_and(|time| DateTime::parse_from_rfc3339(time).is_ok()), "the time: {time:?}");
    let read: usize = record.headers.iter().map(|(name, value)| 1 + name.len() + 4 + value.len()).sum();
    assert_eq!(read, record.headers.size(), "headers that cannot be read to their end");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
