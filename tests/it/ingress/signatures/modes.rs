use super::request::{
    Request, SIGNATURE, TIMESTAMP, VERSION, call, documented, event, now, records_by_topic, summary,
};
use super::{SECRET, URL};
use crate::kit::bridge::Bridge;
use crate::kit::kafka::Kafka;

fn settings(more: &'static str) -> [String; 3] {
    [
        format!("sources.main.signature.secrets=[\"{SECRET}\"]"),
        format!("sources.main.signature.urls=[\"{URL}\"]"),
        more.to_owned(),
    ]
}

fn serve(more: &'static str) -> Bridge {
    let settings = settings(more);
    Bridge::serve(Kafka::shared().bootstrap(), &settings.each_ref().map(String::as_str))
}

/// No other series may count.
fn assert_signatures(bridge: &Bridge, expected: &[(&str, u64)]) {
    for (result, count) in expected {
        let series = format!("signatures_total{{source=\"main\",result=\"{result}\"}}");
        assert_eq!(bridge.metric(&series), *count, "{series}");
    }
    let total: u64 = expected.iter().map(|(_, count)| count).sum();
    assert_eq!(bridge.metric_sum("signatures_total"), total as f64);
}

fn faults() -> Vec<(&'static str, Request)> {
    let signed = |number| Request::signed(SECRET, call(number), &now());
    let elsewhere = event("https://elsewhere.example/", "call.completed", 5);
    vec![
        ("signature_missing", Request::unsigned(call(1))),
        ("signature_version", signed(2).replace(VERSION, "v2")),
        ("signature_malformed", signed(3).replace(SIGNATURE, "no hex")),
        ("signature_no_url", signed(4).edit("webhook_url", "url")),
        ("signature_url", Request::signed(SECRET, elsewhere, &now())),
        ("signature_mismatch", Request::signed("another", call(6), &now())),
        ("signature_stale", Request::signed(SECRET, call(7), "2024-03-21 17:08:22")),
    ]
}

#[test]
fn monitor_mode_accepts_and_counts_everything() {
    let bridge = serve("sources.main.signature.mode=monitor");
    let acked = (200, "acked".to_owned());
    let mut bodies = Vec::new();
    let good = Request::signed(SECRET, call(0), &now());
    for (tag, request) in faults().into_iter().chain([("valid", good)]) {
        assert_eq!(summary(&request.send(&bridge)), acked, "{tag}");
        bodies.push(request.body);
    }
    let plain = documented("unsigned");
    assert_eq!(summary(&Request::unsigned(&plain).send(&bridge)), acked);
    let letters = ["no json", "{}"].map(|body| body.as_bytes().to_vec());
    for (body, tag) in letters.iter().zip(["not_json", "not_an_envelope"]) {
        assert_eq!(summary(&Request::unsigned(body).send(&bridge)), (400, tag.to_owned()));
    }
    assert_signatures(
        &bridge,
        &[
            ("valid", 1),
            ("signature_missing", 2),
            ("signature_version", 1),
            ("signature_malformed", 1),
            ("signature_no_url", 1),
            ("signature_url", 1),
            ("signature_mismatch", 1),
            ("signature_stale", 1),
            ("unverifiable", 2),
        ],
    );
    assert_eq!(bridge.metric_sum("denied_total") + bridge.metric_sum("refused_total"), 0.0);
    bodies.sort();
    let expected = vec![
        (bridge.topic("call.completed"), bodies),
        (bridge.topic("call.missed"), vec![plain.into_bytes()]),
        (bridge.topic("dead-letter"), letters.to_vec()),
    ];
    assert_eq!(records_by_topic(&bridge, Kafka::shared().bootstrap(), 11), expected);
}

#[test]
fn optional_signature_must_be_valid_if_present() {
    let bridge = serve("sources.main.signature.required=false");
    let acked = (200, "acked".to_owned());
    let plain = documented("unsigned");
    assert_eq!(summary(&Request::unsigned(&plain).send(&bridge)), acked);
    let mut bodies = Vec::new();
    for (tag, request) in faults() {
        let expected = match tag {
            "signature_missing" => acked.clone(),
            "signature_mismatch" | "signature_stale" => (503, tag.to_owned()),
            _ => (401, tag.to_owned()),
        };
        assert_eq!(summary(&request.send(&bridge)), expected, "{tag}");
        if expected == acked {
            bodies.push(request.body);
        }
    }
    // A signature without its time is not unsigned.
    for name in [VERSION, TIMESTAMP] {
        let request = Request::signed(SECRET, call(10), &now()).without(name);
        assert_eq!(summary(&request.send(&bridge)), (401, "signature_missing".to_owned()), "{name}");
    }
    let only_a_time = Request::unsigned(call(11)).with(TIMESTAMP, now());
    let good = Request::signed(SECRET, call(12), &now());
    for request in [only_a_time, good] {
        assert_eq!(summary(&request.send(&bridge)), acked);
        bodies.push(request.body);
    }
    assert_eq!(summary(&Request::unsigned("no json").send(&bridge)), (400, "not_json".to_owned()));
    assert_signatures(
        &bridge,
        &[
            ("valid", 1),
            ("signature_missing", 5),
            ("signature_version", 1),
            ("signature_malformed", 1),
            ("signature_no_url", 1),
            ("signature_url", 1),
            ("signature_mismatch", 1),
            ("signature_stale", 1),
            ("unverifiable", 1),
        ],
    );
    bodies.sort();
    let expected = vec![
        (bridge.topic("call.completed"), bodies),
        (bridge.topic("call.missed"), vec![plain.into_bytes()]),
        (bridge.topic("dead-letter"), vec![b"no json".to_vec()]),
    ];
    assert_eq!(records_by_topic(&bridge, Kafka::shared().bootstrap(), 5), expected);
}
