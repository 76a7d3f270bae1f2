use crate::kit::bridge::{Bridge, PATH};
use crate::kit::consume::{self, Read};
use crate::kit::http;
use crate::kit::kafka::Kafka;
use crate::kit::murmur2::java_partitions;
use crate::kit::topic_name;
use justcall_events::{Dialect, Documented, KnownType, samples};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(60);

fn read(topic: &str, count: usize) -> Vec<Read> {
    consume::read_topic(Kafka::shared().bootstrap(), topic, count, TIMEOUT)
}

fn only_record(topic: &str) -> Read {
    let mut records = read(topic, 1);
    assert_eq!(records.len(), 1, "{topic}");
    records.remove(0)
}

fn entity_id(known: KnownType, dialect: Dialect, body: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(body).expect("a sample of JSON");
    let name = known.name();
    let fields: &[&str] = match dialect {
        Dialect::Documented if name.starts_with("sms.") => &["message_id"],
        Dialect::Documented if name.starts_with("contact.") => &["contact_id"],
        Dialect::Documented => &["call_id"],
        Dialect::Live if name.starts_with("call.") || name.contains("call_") => &["call_sid"],
        Dialect::Live => &["id"],
    };
    let value = &json["data"][fields[0]];
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[test]
fn omitted_headers_are_counted() {
    let route = r#"routes=[{match: "call.missed", topics: "missed", headers: {note: {from: /data/note}}}]"#;
    let kafka = Kafka::shared().bootstrap();
    let bridge =
        Bridge::serve(kafka, &[&route.replace("\"missed\"", &format!("\"{}\"", topic_name("missed")))]);
    for note in ["fine", "one\\ntwo", "\\u001b[31m"] {
        let body = format!(
            r#"{{"event":"call.missed","timestamp":"2026-03-12T14:32:00Z","data":{{"call_id":"c-{}","note":"{note}"}}}}"#,
            note.len()
        );
        assert_eq!(bridge.post(body.as_bytes()).status, 200);
    }
    assert_eq!(bridge.metric("route_headers_left_out_total"), 2);
}

#[test]
fn every_type_of_both_dialects_is_unchanged_in_its_topic() {
    let bridge = Bridge::serve(Kafka::shared().bootstrap(), &[]);
    assert_every_type_is_unchanged(bridge.ingress, Kafka::shared().bootstrap(), &bridge.prefix, 6);
    assert!(bridge.stop().success());
}

pub(crate) fn assert_every_type_is_unchanged(
    ingress: SocketAddr,
    bootstrap: &str,
    prefix: &str,
    partitions: i32,
) {
    let mut posted: BTreeMap<(KnownType, &str), (&str, String)> = BTreeMap::new();
    for dialect in [Dialect::Documented, Dialect::Live] {
        for (known, body) in samples(dialect) {
            let response = http::post(ingress, PATH, &[], body.as_bytes()).expect("an answer");
            let answer = response.json();
            assert_eq!(
                (response.status, &answer["outcome"]),
                (200, &"acked".into()),
                "{known} {dialect}: {answer}"
            );
            let id = answer["id"].as_str().expect("an id").to_owned();
            posted.insert((known, dialect.name()), (body, id));
        }
    }
    assert_eq!(posted.len(), Dialect::ALL.into_iter().flat_map(samples).count());
    let (mut keys, mut chosen) = (Vec::new(), Vec::new());
    for known in KnownType::ALL {
        let dialects: Vec<_> = posted.iter().filter(|((each, _), _)| each == known).collect();
        let topic = format!("{prefix}{known}");
        let records = consume::read_topic(bootstrap, &topic, dialects.len(), TIMEOUT);
        assert_eq!(records.len(), dialects.len(), "{known}");
        for ((_, dialect), (body, id)) in dialects {
            let record = records
                .iter()
                .find(|record| record.header("ce_dialect") == Some(*dialect))
                .unwrap_or_else(|| panic!("no {dialect} {known}"));
            let dialect = if *dialect == "live" { Dialect::Live } else { Dialect::Documented };
            let entity = entity_id(*known, dialect, body);
            assert_eq!(record.value, body.as_bytes(), "{known} {dialect}: bytes changed");
            assert_eq!(record.key.as_deref(), Some(entity.as_bytes()), "{known} {dialect}");
            assert_headers(record, *known, dialect, id, &entity, body);
            keys.push(entity.into_bytes());
            chosen.push(record.partition);
        }
    }
    let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    assert_eq!(chosen, java_partitions(&keys, partitions), "Java producers choose other partitions");
}

fn assert_headers(record: &Read, known: KnownType, dialect: Dialect, id: &str, entity: &str, body: &str) {
    let names: Vec<&str> = record.headers.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "ce_specversion",
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_time",
        "ce_subject",
        "ce_dialect",
        "content-type",
    ];
    assert_eq!(names, expected, "{known} {dialect}");
    let json: serde_json::Value = serde_json::from_str(body).expect("a sample of JSON");
    assert_eq!(record.header("ce_specversion"), Some("1.0"));
    assert_eq!(record.header("ce_id"), Some(id));
    assert_eq!(record.header("ce_source"), Some("/justcall/main"));
    assert_eq!(record.header("ce_type"), Some(known.name()));
    assert_eq!(record.header("ce_subject"), Some(entity));
    assert_eq!(record.header("content-type"), Some("application/json"));
    let time = record.header("ce_time").expect("ce_time");
    chrono::DateTime::parse_from_rfc3339(time).unwrap_or_else(|e| panic!("{known} {dialect}: {time}: {e}"));
    match dialect {
        Dialect::Documented => assert_eq!(json["timestamp"], time),
        Dialect::Live => assert_eq!(json["request_id"], id, "the id is not the sender's"),
    }
}

#[test]
fn consumers_read_the_nine_documented_types_with_this_crate() {
    let bridge = Bridge::serve(Kafka::shared().bootstrap(), &[]);
    for (known, body) in samples(Dialect::Documented) {
        bridge.post(body.as_bytes());
        let value = only_record(&bridge.topic(known.name())).value;
        let event = Documented::from_slice(&value).unwrap_or_else(|e| panic!("{known}: {e}"));
        let again = serde_json::to_value(&event).expect("serialises");
        assert_eq!(again, serde_json::from_str::<serde_json::Value>(body).expect("a sample"), "{known}");
    }
}

#[test]
fn missing_topics_are_created_with_the_configured_properties() {
    let settings =
        ["topics.partitions=4", "topics.config.retention.ms=86400000", "topics.config.cleanup.policy=delete"];
    let bridge = Bridge::serve(Kafka::shared().bootstrap(), &settings);
    let (known, body) = samples(Dialect::Documented).next().expect("a sample");
    let topic = bridge.topic(known.name());
    assert_eq!(
        consume::topic_partitions(Kafka::shared().bootstrap(), &topic),
        None,
        "not created before its first use"
    );
    assert_eq!(bridge.post(body.as_bytes()).status, 200);
    assert_eq!(consume::topic_partitions(Kafka::shared().bootstrap(), &topic), Some(4));
    let config = consume::topic_config(Kafka::shared().bootstrap(), &topic);
    assert_eq!(config["retention.ms"], "86400000");
    assert_eq!(bridge.metric("topics_created_total"), 1);
}

#[test]
fn routes_set_topics_keys_and_headers() {
    let routes = r#"routes=[
        {"match": "sms.*", "topics": ["PREFIXmessages", "PREFIXaudit.{family}"], "headers": {"team": "chat"}},
        {"match": {"family": "call"}, "topics": "PREFIXcalls", "key": ["/data/nothing", "/data/from"]}]"#;
    let prefix = format!("{}.", crate::kit::topic_name("routed"));
    let routes = routes.replace("PREFIX", &prefix).replace('\n', " ");
    let bridge = Bridge::serve(Kafka::shared().bootstrap(), &[&routes]);
    let sms = br#"{"event":"sms.sent","timestamp":"2026-03-12T14:36:00+02:00","data":{"message_id":"m1"}}"#;
    let call = br#"{"event":"voicemail.received","timestamp":"2026-03-12T14:36:00Z","data":{"call_id":"c1","from":"+14155550123"}}"#;
    let contact =
        br#"{"event":"contact.created","timestamp":"2026-03-12T14:36:00Z","data":{"contact_id":"98765"}}"#;
    for body in [&sms[..], call, contact] {
        assert_eq!(bridge.post(body).status, 200);
    }
    for topic in ["messages", "audit.sms"] {
        let record = only_record(&format!("{prefix}{topic}"));
        assert_eq!(
            (record.key.as_deref(), record.header("team")),
            (Some(&b"m1"[..]), Some("chat")),
            "{topic}"
        );
        assert_eq!(record.value, &sms[..]);
        assert_eq!(
            record.header("ce_time"),
            Some("2026-03-12T14:36:00+02:00"),
            "an offset is kept as it came"
        );
    }
    let voicemail = only_record(&format!("{prefix}calls"));
    assert_eq!(voicemail.key.as_deref(), Some(&b"+14155550123"[..]));
    assert_eq!(voicemail.header("ce_subject"), Some("c1"), "the key is configurable, the subject is not");
    assert_eq!(voicemail.header("team"), None);
    let unrouted = only_record(&bridge.topic("contact.created"));
    assert_eq!(unrouted.key.as_deref(), Some(&b"98765"[..]), "number and decimal string give one key");
}

#[test]
fn unknown_types_follow_the_policy_and_create_no_topics() {
    let forwarding = Bridge::serve(Kafka::shared().bootstrap(), &[]);
    let body = br#"{"event":"sms.failed","timestamp":"2026-03-12T14:36:00Z","data":{"message_id":"m9"}}"#;
    let other = br#"{"type":"no.such.thing","data":{"id":7}}"#;
    assert_eq!(forwarding.post(body).json()["outcome"], "acked");
    assert_eq!(forwarding.post(other).json()["outcome"], "acked");
    let records = read(&forwarding.topic("unknown"), 2);
    let keys: Vec<_> =
        records.iter().map(|record| (record.header("ce_type"), record.key.as_deref())).collect();
    assert!(keys.contains(&(Some("sms.failed"), Some(b"m9"))), "{keys:?}");
    assert!(keys.contains(&(Some("no.such.thing"), None)), "{keys:?}");
    for name in ["sms.failed", "no.such.thing"] {
        let topic = forwarding.topic(name);
        assert_eq!(
            consume::topic_partitions(Kafka::shared().bootstrap(), &topic),
            None,
            "{topic} was minted"
        );
    }
    let strict = Bridge::serve(Kafka::shared().bootstrap(), &["unknown_events=dead_letter"]);
    let answer = strict.post(body);
    assert_eq!((answer.status, &answer.json()["outcome"]), (200, &"dead_lettered".into()));
    assert_eq!(only_record(&strict.topic("dead-letter")).header("dlq_reason"), Some("unknown_type"));
}

#[test]
fn dead_letters_have_the_bytes_and_the_reason() {
    let bridge = Bridge::serve(Kafka::shared().bootstrap(), &[]);
    let marked = br#"{"event":"call.completed","timestamp":"2026-03-12T14:30:00Z","data":{"call_id":"c","duration":"secret-mark"}}"#;
    let response = bridge.post(marked);
    assert_eq!(response.status, 422);
    let id = response.json()["event_id"].as_str().expect("an id").to_owned();
    let record = only_record(&bridge.topic("dead-letter"));
    let names: Vec<&str> = record.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["dlq_reason", "dlq_detail", "dlq_source", "dlq_received_at", "dlq_event_id"]);
    assert_eq!(record.value, &marked[..]);
    assert_eq!(record.header("dlq_reason"), Some("contract_violation"));
    assert_eq!(
        record.header("dlq_detail"),
        Some("/data/duration: expected a non-negative integer, found string")
    );
    assert_eq!(record.header("dlq_source"), Some("main"));
    assert_eq!(record.header("dlq_event_id"), Some(id.as_str()));
    assert!(!response.text().contains("secret-mark"), "the response contains a value of the body");
    assert_eq!(bridge.post(marked).json()["outcome"], "duplicate", "the retry is not a duplicate");

    let kind = Bridge::serve(Kafka::shared().bootstrap(), &["dead_letter.answer=ok"]);
    let response = kind.post(b"no json");
    assert_eq!((response.status, &response.json()["outcome"]), (200, &"dead_lettered".into()));
    assert_eq!(only_record(&kind.topic("dead-letter")).value, b"no json");
}

#[test]
fn tolerant_source_accepts_violations_and_flags_them() {
    let bridge = Bridge::serve(Kafka::shared().bootstrap(), &["sources.main.validation=tolerant"]);
    let body =
        br#"{"event":"call.missed","timestamp":"soon","data":{"call_id":"c","ring_duration":"30","from":1}}"#;
    assert_eq!(bridge.post(body).json()["outcome"], "acked");
    let record = only_record(&bridge.topic("call.missed"));
    assert_eq!(record.header("justcall-violations"), Some("3"));
    assert_eq!(bridge.metric("tolerated_violations_total"), 3);
    assert!(record.header("ce_time").is_some(), "the time of receipt replaces an invalid time");
}

#[test]
fn strict_source_requires_the_fields_of_the_reference() {
    let bridge = Bridge::serve(Kafka::shared().bootstrap(), &["sources.main.validation=strict"]);
    for (known, body) in samples(Dialect::Documented) {
        assert_eq!(bridge.post(body.as_bytes()).status, 200, "{known}");
    }
    let body = br#"{"event":"call.missed","timestamp":"2026-03-12T14:32:00Z","data":{"call_id":"c"}}"#;
    assert_eq!(bridge.post(body).json()["pointer"], "/data/direction");
}

#[test]
fn duplicate_is_the_same_source_id_and_body() {
    let bridge = Bridge::serve(
        Kafka::shared().bootstrap(),
        &["sources.main.path=/webhooks/justcall", "sources.other.path=/other"],
    );
    let real = br#"{"request_id":"01KG5S8Z6R4PBD5EV1J1T6XN0C","type":"call.updated","data":{"call_sid":"CA1","n":1}}"#;
    let forged = br#"{"request_id":"01KG5S8Z6R4PBD5EV1J1T6XN0C","type":"call.updated","data":{"call_sid":"CA1","n":2}}"#;
    let outcome = |body: &[u8]| bridge.post(body).json()["outcome"].as_str().expect("an outcome").to_owned();
    assert_eq!(outcome(forged), "acked");
    assert_eq!(outcome(real), "acked", "a forged body suppressed the real one");
    assert_eq!(outcome(real), "duplicate");
    let other = http::post(bridge.ingress, "/other", &[], real).expect("an answer");
    assert_eq!(other.json()["outcome"], "acked", "another source's event is another event");
    assert_eq!(read(&bridge.topic("call.updated"), 3).len(), 3);
    assert_eq!(bridge.metric(r#"events_total{type="call.updated",outcome="duplicate"}"#), 1);

    let forgetful = Bridge::serve(Kafka::shared().bootstrap(), &["deduplication.window=0s"]);
    forgetful.post(real);
    assert_eq!(forgetful.post(real).json()["outcome"], "acked");
}

#[test]
fn trace_of_the_request_continues_in_the_record() {
    let bridge = Bridge::serve(Kafka::shared().bootstrap(), &[]);
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let post = |traceparent: &str, id: &str| {
        let body = format!(
            r#"{{"event":"call.missed","timestamp":"2026-03-12T14:32:00Z","data":{{"call_id":"{id}"}}}}"#
        );
        let headers = [("traceparent", traceparent)];
        http::post(bridge.ingress, PATH, &headers, body.as_bytes()).expect("an answer");
    };
    post(trace, "good");
    post("00-00000000000000000000000000000000-00f067aa0ba902b7-01", "bad");
    let records = read(&bridge.topic("call.missed"), 2);
    let of = |id: &str| records.iter().find(|record| record.key.as_deref() == Some(id.as_bytes())).expect(id);
    assert_eq!(of("good").header("traceparent"), Some(trace));
    assert_eq!(of("bad").header("traceparent"), None);
}

#[test]
fn conditions_select_routes_and_dropped_events_are_counted() {
    let routes = r#"routes=[
        {"match": "*", "when": {"/data/vip": true}, "topics": "PREFIXaudit", "continue": true},
        {"match": "call.*", "when": {"/data/direction": "inbound"}, "use": "voice", "topics": "PREFIXinbound"},
        {"match": "call.*", "when": {"/data/from": {"prefix": "+1555"}}, "drop": true}]"#;
    let templates = r#"route_templates={"voice": {"headers": {"team": "voice", "agent": {"from": "/data/agent_id"}}, "key": ["/data/from"]}}"#;
    let prefix = format!("{}.", crate::kit::topic_name("mapped"));
    let routes = routes.replace("PREFIX", &prefix).replace('\n', " ");
    let prefix_setting = format!("topics.prefix={prefix}");
    let bridge = Bridge::serve(Kafka::shared().bootstrap(), &[&prefix_setting, &routes, templates]);
    let call = |data: &str| {
        format!(
            r#"{{"event":"call.missed","timestamp":"2026-03-12T14:36:00Z","data":{{"call_id":"c1",{data}}}}}"#
        )
    };
    let inbound = call(r#""direction":"inbound","from":"+15550100","agent_id":42,"vip":true"#);
    let dropped = call(r#""direction":"outbound","from":"+15550100""#);
    let other = call(r#""direction":"outbound","from":"+4930123""#);
    let outcome = |body: &str| bridge.post(body.as_bytes()).json()["outcome"].clone();
    assert_eq!(outcome(&inbound), "acked");
    for _ in 0..2 {
        let answer = bridge.post(dropped.as_bytes());
        assert_eq!((answer.status, &answer.json()["outcome"]), (200, &"dropped".into()));
        assert_eq!(answer.json()["id"].as_str().map(str::len), Some(32));
    }
    assert_eq!(outcome(&other), "acked");
    assert_eq!(bridge.metric("events_total{type=\"call.missed\",outcome=\"dropped\"}"), 2);
    let taken = only_record(&bridge.topic("inbound"));
    assert_eq!(taken.key.as_deref(), Some(&b"+15550100"[..]));
    assert_eq!((taken.header("team"), taken.header("agent")), (Some("voice"), Some("42")));
    assert_eq!(
        (taken.value, only_record(&bridge.topic("audit")).value),
        (inbound.clone().into_bytes(), inbound.into_bytes())
    );
    assert_eq!(only_record(&bridge.topic("call.missed")).value, other.as_bytes());
    assert!(bridge.stop().success());
}
