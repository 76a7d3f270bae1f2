use super::*;
use crate::config::{Settings, SettingsInput};
use crate::record::TraceContext;
use crate::routing::{RecordContext, RouteTable, Routed};
use chrono::Utc;
use justcall_events::{BodyHash, Dialect, Picks, Scanned, Validation, samples, scan_with};
use serde_json::Value;

fn settings(given: &[&str]) -> Settings {
    Settings::load(&SettingsInput::given(given)).unwrap()
}

const ROUTES: &str = r#"routes=[
    {"match": "call.missed", "topics": ["j.missed", "j.calls"], "key": ["/data/from", "/data/to"], "headers": {"team": "voice", "agent": {"from": "/data/agent_id"}}},
    {"match": {"family": "call"}, "topics": "j.calls"}]"#;

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn channel_lists_the_types_routed_to_it() {
    let document = asyncapi::document(&settings(&[ROUTES])).unwrap();
    let channels = document["channels"].as_object().unwrap();
    let messages =
        |topic: &str| channels[topic]["messages"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(messages("j.missed"), ["documented.call.missed", "live.call.missed"]);
    assert_eq!(messages("justcall.sms.delivered"), ["documented.sms.delivered"]);
    assert!(messages("j.calls").contains(&"live.other".to_owned()), "a new call type");
    assert_eq!(messages("justcall.dead-letter"), ["dead-letter", "replay-mark"]);
    assert!(!channels.contains_key("justcall.call.completed"));
    let missed = &channels["j.missed"]["messages"]["documented.call.missed"];
    let key = missed["bindings"]["kafka"]["key"]["description"].as_str().unwrap();
    assert!(key.contains("`/data/from`, else `/data/to`, else the call id at `/data/call_id`"), "{key}");
    assert_eq!(missed["headers"]["properties"]["team"]["const"], "voice");
    assert_eq!(missed["headers"]["properties"]["agent"], serde_json::json!({ "type": "string" }));
    assert_eq!(texts(&missed["headers"]["required"]), ["team"]);
}

#[test]
fn field_key_is_described_by_the_pointers_of_each_message() {
    let routes = r#"routes=[{"match": "*", "topics": "j.all", "key": ["from", "/data/x"]}]"#;
    let document = asyncapi::document(&settings(&[routes])).unwrap();
    let key = |message: &str| {
        let message = &document["channels"]["j.all"]["messages"][message];
        message["bindings"]["kafka"]["key"]["description"].as_str().unwrap().to_owned()
    };
    for (message, expected) in [
        ("documented.call.missed", "the value at `from` (`/data/from`, with `+`), else `/data/x`, else"),
        (
            "live.sms.sent",
            "`from` (`/data/contact_number` if inbound, `/data/justcall_number` if outbound, with `+`), else",
        ),
        ("live.appointment.scheduled", "`from` (not in this type), else"),
        ("live.other", "the value at `from`, else"),
    ] {
        assert!(key(message).contains(expected), "{message}: {}", key(message));
    }
}

#[test]
fn described_headers_match_the_records() {
    let settings = settings(&[ROUTES, "sources.main.validation=tolerant"]);
    let document = asyncapi::document(&settings).unwrap();
    let table = RouteTable::compile(&settings.routing).unwrap();
    let common = &document["components"]["schemas"]["headers"];
    for (known, body) in samples(Dialect::Documented) {
        let mut body: Value = serde_json::from_str(body).unwrap();
        body["timestamp"] = Value::Bool(true);
        let body = bytes::Bytes::from(body.to_string());
        let mut picks = Picks::of(table.picks());
        let Ok(Scanned::Envelope(envelope)) = scan_with(&body, &mut picks) else { panic!("{known}") };
        let event = envelope.validate_with(Validation::Tolerant, &BodyHash::of(&body), &mut picks).unwrap();
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let trace = TraceContext::parse(parent, Some("vendor=1"));
        let context = RecordContext {
            source_uri: "/justcall/main",
            received_at: Utc::now(),
            signed_at: None,
            trace: trace.as_ref(),
        };
        let Routed::Records { records, .. } = table.records(&event, &picks, &body, &context) else {
            panic!("{known}")
        };
        for record in records {
            let message = &document["channels"][&*record.topic]["messages"][format!("documented.{known}")];
            let own = &message["headers"];
            for (name, _) in record.headers.iter() {
                let is_described = [common, own].iter().any(|part| part["properties"].get(name).is_some());
                assert!(is_described, "{known}: {name}");
            }
            for name in texts(&common["required"]).into_iter().chain(texts(&own["required"])) {
                assert!(record.headers.get(name).is_some(), "{known}: {name}");
            }
        }
    }
}

#[test]
fn payload_schema_follows_the_least_strict_source() {
    let strict = "sources={\"a\": {\"path\": \"/a\", \"validation\": \"strict\"}, \"b\": {\"path\": \"/b\"}}";
    let payload = |flags: &[&str]| {
        let document = asyncapi::document(&settings(flags)).unwrap();
        document["components"]["schemas"]["documented.call.missed"]["properties"]["data"]["required"].clone()
    };
    assert_eq!(payload(&[strict]), serde_json::json!(["call_id"]));
    assert_eq!(texts(&payload(&["sources.main.validation=strict"])).len(), 7);
}

#[test]
fn topics_and_servers_follow_the_settings() {
    let document = asyncapi::document(&settings(&[
        "kafka.bootstrap_servers=a:9092, b:9093",
        "kafka.properties.security.protocol=SASL_SSL",
        "kafka.properties.sasl.mechanism=SCRAM-SHA-256",
        "kafka.properties.sasl.username=me",
        "kafka.properties.sasl.password=hush",
        "topics.partitions=6",
        "topics.config.retention.ms=60000",
        "topics.config.cleanup.policy=compact,delete",
    ]));
    let document = document.unwrap();
    assert_eq!(document["servers"]["kafka-2"]["host"], "b:9093");
    assert_eq!(document["servers"]["kafka-2"]["protocol"], "kafka-secure");
    assert_eq!(document["servers"]["kafka-1"]["security"][0]["type"], "scramSha256");
    let binding = &document["channels"]["justcall.unknown"]["bindings"]["kafka"];
    assert_eq!((binding["partitions"].as_i64(), binding.get("replicas")), (Some(6), None));
    assert_eq!(binding["topicConfiguration"]["retention.ms"], 60000);
    assert_eq!(texts(&binding["topicConfiguration"]["cleanup.policy"]), ["compact", "delete"]);
}

#[test]
fn documents_contain_no_secret() {
    let settings = settings(&[
        "kafka.properties.sasl.password=hushhush",
        "sources.main.token=hushhush-0123456789",
        "sources.main.signature.secrets=[\"hushhush\"]",
    ]);
    assert!(!asyncapi::document(&settings).unwrap().to_string().contains("hushhush"));
    assert!(!openapi::document(&settings).to_string().contains("hushhush"));
}

#[test]
fn responses_follow_the_settings_of_the_source() {
    let answers = |flags: &[&str]| {
        let document = openapi::document(&settings(flags));
        let responses = &document["paths"]["/webhooks/justcall"]["post"]["responses"];
        let responses = responses.as_object().unwrap().values();
        let contents = responses.flat_map(|each| each["content"].as_object().unwrap().values().cloned());
        contents
            .flat_map(|each| each["examples"].as_object().unwrap().keys().cloned().collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    let has = |flags: &[&str], tag: &str| answers(flags).iter().any(|each| each == tag);
    assert!(!has(&[], "spooled") && has(&["spool.directory=/s"], "spooled"));
    assert!(
        !has(&[], "signature_missing")
            && has(&["sources.main.signature.secrets=[\"s\"]"], "signature_missing")
    );
    assert!(!has(&[], "token") && has(&["sources.main.token=0123456789abcdef"], "token"));
    assert!(!has(&[], "dead_lettered") && has(&["dead_letter.answer=ok"], "dead_lettered"));
    let dropping = r#"routes=[{"match": "sms.sent", "drop": true}]"#;
    assert!(!has(&[], "dropped") && has(&[dropping], "dropped"));
    assert!(has(&[], "contract_violation") && !has(&["dead_letter.answer=ok"], "contract_violation"));
}

#[test]
fn path_may_end_with_a_token() {
    let document = openapi::document(&settings(&["sources.main.token=0123456789abcdef"]));
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths["/webhooks/justcall"]["post"]["security"], serde_json::json!([{ "token": [] }]));
    assert!(paths["/webhooks/justcall/{token}"]["post"].get("security").is_none());
    assert_eq!(paths["/webhooks/justcall/{token}"]["parameters"][0]["name"], "token");
}
