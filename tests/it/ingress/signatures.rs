mod modes;
mod other_languages;
mod replay;
mod request;
mod rotation;
mod routed;
mod table;
mod tokens;

use crate::kit::bridge::{Bridge, PATH};
use crate::kit::http;
use crate::kit::kafka::Kafka;
use justcall_events::{Dialect, samples};
use request::{Request, SIGNATURE, TIMESTAMP, VERSION, call, documented, now, records_by_topic, summary};

const SECRET: &str = "ea39089c40790e9dc7a080ec95e849b8fa0fa5fb";
const URL: &str = "https://hooks.example.com/webhooks/justcall";

#[test]
fn every_signed_live_type_is_unchanged_in_its_topic() {
    let kafka = Kafka::shared().bootstrap();
    let secrets = format!("sources.main.signature.secrets=[\"{SECRET}\"]");
    let bridge = Bridge::serve(kafka, &[&secrets]);
    let mut expected = Vec::new();
    for (known, body) in samples(Dialect::Live) {
        let request = Request::signed(SECRET, body.as_bytes(), &now());
        assert_eq!(summary(&request.send(&bridge)), (200, "acked".to_owned()), "{known}");
        expected.push((bridge.topic(known.name()), vec![body.as_bytes().to_vec()]));
    }
    let count = expected.len();
    assert_eq!(count, samples(Dialect::Live).count());
    expected.sort();
    assert_eq!(records_by_topic(&bridge, kafka, count), expected);
    assert_eq!(bridge.metric(r#"signatures_total{source="main",result="valid"}"#), count as u64);
    assert_eq!(bridge.metric(r#"signature_secret_matches_total{source="main",secret="0"}"#), count as u64);
    assert_eq!(bridge.metric_sum("denied_total") + bridge.metric_sum("refused_total"), 0.0);
}

/// JustCall does not sign the request that tests a saved URL.
#[test]
fn probes_need_neither_signature_nor_token_and_write_nothing() {
    let kafka = Kafka::shared().bootstrap();
    let bridge = Bridge::serve(
        kafka,
        &[
            &format!("sources.main.signature.secrets=[\"{SECRET}\"]"),
            &format!("sources.main.signature.urls=[\"{URL}\"]"),
            "sources.main.token=a-token-of-24-characters",
        ],
    );
    let bodies = [
        "",
        " \r\n",
        r#"{"event":"call.completed","timestamp":"2026-03-12T14:30:00Z"}"#,
        r#"{"event":"call.completed"}"#,
        r#"{"type":"call.completed","request_id":"x","webhook_url":"https://elsewhere.example/"}"#,
        r#"{"type":"sms.received"}"#,
    ];
    let mut probes = 0;
    for body in bodies {
        let bare = Request::unsigned(body);
        let wrong = bare.clone().with(SIGNATURE, "0".repeat(64)).with(VERSION, "v1").with(TIMESTAMP, now());
        let broken = bare.clone().with(SIGNATURE, "?").with(VERSION, "v9").with(TIMESTAMP, "then");
        let guessed = bare.clone().with("authorization", "Bearer guessed");
        let behind = bare.clone().to("/webhooks/justcall/guessed-guessed-guessed");
        for request in [bare, wrong, broken, guessed, behind] {
            assert_eq!(summary(&request.send(&bridge)), (200, "probe".to_owned()), "{body:?}");
            probes += 1;
        }
    }
    for path in
        [PATH, "/webhooks/justcall/", "/webhooks/justcall/a-token-of-24-characters", "/webhooks/justcall/x"]
    {
        assert_eq!(summary(&http::get(bridge.ingress, path).expect("an answer")), (200, "probe".to_owned()));
        let head = format!("HEAD {path} HTTP/1.1\r\nhost: bridge\r\nconnection: close\r\n\r\n");
        assert_eq!(http::request(bridge.ingress, head.as_bytes()).expect("an answer").status, 200);
        probes += 2;
    }
    assert_eq!(bridge.metric(r#"events_total{type="other",outcome="probe"}"#), probes);
    for metric in ["denied_total", "refused_total", "signatures_total"] {
        assert_eq!(bridge.metric_sum(metric), 0.0, "{metric}");
    }
    assert_eq!(records_by_topic(&bridge, kafka, 0), []);

    // With data it is an event.
    let event = Request::signed(SECRET, call(1).as_bytes(), &now());
    assert_eq!(summary(&event.send(&bridge)), (401, "token".to_owned()));
    assert_eq!(summary(&Request::unsigned(documented("c")).send(&bridge)), (401, "token".to_owned()));
}
