use crate::kit::bridge::{Bridge, PATH};
use crate::kit::command::Place;
use crate::kit::consume::{self, Read};
use crate::kit::http;
use crate::kit::kafka::Kafka;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const STRICT: [&str; 2] = ["unknown_events=dead_letter", "sources.main.validation=tolerant"];

/// Tolerant validation accepts a time that is not a string.
fn call(id: &str, more: &str) -> String {
    format!(
        r#"{{"event":"call.completed","timestamp":true,"data":{{"call_id":"{id}","direction":"{more}"}}}}"#
    )
}

fn post(bridge: &Bridge, body: &str) -> u16 {
    let traced = [
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", "vendor=1"),
        ("connection", "close"),
    ];
    http::post(bridge.ingress, PATH, &traced, body.as_bytes()).expect("an answer").status
}

fn described(document: &Value, message: &Value) -> (BTreeSet<String>, BTreeSet<String>) {
    let common = json!([{ "$ref": "#/components/schemas/headers" }]);
    let own = &message["headers"];
    let mut parts = vec![own];
    if own["allOf"] == common {
        parts.push(&document["components"]["schemas"]["headers"]);
    }
    let required = parts.iter().filter_map(|part| part["required"].as_array()).flatten();
    let required = required.map(|name| name.as_str().expect("a name").to_owned()).collect();
    let possible = parts.iter().filter_map(|part| part["properties"].as_object()).flatten();
    (required, possible.map(|(name, _)| name.clone()).collect())
}

fn names(record: &Read) -> BTreeSet<String> {
    record.headers.iter().map(|(name, _)| name.clone()).collect()
}

#[test]
fn asyncapi_describes_the_headers_of_records_of_every_kind_in_kafka() {
    let bootstrap = Kafka::shared().bootstrap();
    let bridge = Bridge::start(bootstrap, &STRICT);
    consume::create_topic_with(
        bootstrap,
        &bridge.topic("call.completed"),
        6,
        1,
        &[("max.message.bytes", "4096")],
    );
    bridge.wait_ready(true);
    // An event, a dead letter of the ingest, and one of the delivery.
    assert_eq!(post(&bridge, &call("small", "in")), 200);
    let unknown = r#"{"event":"fax.sent","timestamp":"2026-03-12T14:30:00Z","data":{"id":"7"}}"#;
    assert_eq!(post(&bridge, unknown), 200);
    assert_eq!(post(&bridge, &call("large", &"x".repeat(8192))), 422);
    // The first letter is valid under the new rules.
    let place = Place::new(bootstrap, &bridge.prefix).with("sources.main.validation=tolerant");
    let ran = place.run(&["dead-letters", "replay", "--all", "--yes", "--json"]).expect_code(1).json();
    assert_eq!((&ran["replayed"], &ran["stay"][0]["reason"]), (&1.into(), &"refused_by_kafka".into()));

    let document = place.run(&["schema", "asyncapi"]).expect_code(0).json();
    let channels = document["channels"].as_object().expect("channels");
    let (mut seen, mut kinds) = (BTreeSet::new(), BTreeSet::new());
    for topic in ["call.completed", "unknown", "dead-letter"].map(|name| bridge.topic(name)) {
        let messages = channels[&topic]["messages"].as_object().expect("messages");
        let records = consume::read_committed(bootstrap, &topic);
        assert!(!records.is_empty(), "{topic}");
        for record in records {
            let names = names(&record);
            let fits = |message: &Value| {
                let (required, possible) = described(&document, message);
                required.is_subset(&names) && names.is_subset(&possible)
            };
            let fitting: Vec<_> =
                messages.iter().filter(|(_, message)| fits(message)).map(|(name, _)| name).collect();
            assert!(!fitting.is_empty(), "{topic}: no message has exactly these headers: {names:?}");
            kinds.insert(record.header("dlq_reason").map_or_else(|| fitting[0].clone(), str::to_owned));
            seen.extend(names);
        }
    }
    assert_eq!(kinds.len(), 5, "{kinds:?}");
    let possible = channels.values().flat_map(|channel| channel["messages"].as_object().expect("messages"));
    let possible: BTreeSet<_> = possible.flat_map(|(_, message)| described(&document, message).1).collect();
    assert_eq!(seen, possible, "the document has headers that no record has");
}
