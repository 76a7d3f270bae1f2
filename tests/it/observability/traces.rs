mod spans;

use crate::kit::bridge::{Bridge, PATH, until};
use crate::kit::collector::Collector;
use crate::kit::consume::{self, Read};
use crate::kit::http;
use crate::kit::kafka::Kafka;
use spans::Spans;
use std::time::{Duration, Instant};

const SPAN: &str = "00f067aa0ba902b7";

fn call(id: &str) -> Vec<u8> {
    format!(r#"{{"event":"call.missed","timestamp":"2026-03-12T14:32:00Z","data":{{"call_id":"{id}"}}}}"#)
        .into_bytes()
}

fn trace(n: usize) -> String {
    format!("4bf92f3577b34da6a3ce929d0e0e{n:04x}")
}

fn post(bridge: &Bridge, traceparent: &str, body: &[u8]) -> (u16, String) {
    let headers = [("traceparent", traceparent), ("tracestate", "vendor=1,other=2"), ("connection", "close")];
    let response = http::post(bridge.ingress, PATH, &headers, body).expect("an answer");
    let json = response.json();
    let outcome = json["outcome"].as_str().or_else(|| json["type"].as_str()?.rsplit(':').next());
    (response.status, outcome.expect("an outcome or a problem").to_owned())
}

fn sampled(n: usize) -> String {
    format!("00-{}-{SPAN}-01", trace(n))
}

fn records(bridge: &Bridge, topic: &str, count: usize) -> Vec<Read> {
    let topic = bridge.topic(topic);
    consume::read_topic(Kafka::shared().bootstrap(), &topic, count, Duration::from_secs(60))
}

fn of<'a>(records: &'a [Read], call: &str) -> &'a Read {
    records.iter().find(|record| record.key.as_deref() == Some(call.as_bytes())).expect("a record")
}

#[test]
fn spans_of_an_event_connect_its_request_and_its_consumers() {
    let collector = Collector::listen();
    let bridge = Bridge::serve(Kafka::shared().bootstrap(), &[&collector.setting()]);
    assert_eq!(post(&bridge, &sampled(1), &call("direct")), (200, "acked".into()));
    assert_eq!(post(&bridge, &sampled(2), &call("direct")), (200, "duplicate".into()));
    assert_eq!(post(&bridge, &sampled(3), b"no JSON"), (400, "not_json".into()));
    let unsampled = sampled(4).replace("-01", "-00");
    assert_eq!(post(&bridge, &unsampled, &call("unsampled")), (200, "acked".into()));
    assert_eq!(post(&bridge, &sampled(5), b""), (200, "probe".into()));
    assert_eq!(post(&bridge, "00-nonsense", &call("root")), (200, "acked".into()));
    let records = records(&bridge, "call.missed", 3);
    let letters = self::records(&bridge, "dead-letter", 1);
    // The stop flushes the queue.
    assert_eq!(bridge.stop().code(), Some(0));

    let spans = Spans::of(&collector);
    assert_eq!(spans.names(&trace(1)), ["ack", "http", "ingest"]);
    assert_eq!(spans.names(&trace(2)), ["http", "ingest"], "a duplicate writes nothing");
    assert_eq!(spans.names(&trace(3)), ["ack", "http", "ingest"], "a dead letter is written");
    assert_eq!(spans.0.len(), 3 + 2 + 3 + 3, "unsampled events and probes have spans");

    let (http, ingest, ack) =
        (spans.one(&trace(1), "http"), spans.one(&trace(1), "ingest"), spans.one(&trace(1), "ack"));
    assert_eq!(http.text("parent"), SPAN);
    assert_eq!(ingest.text("parent"), http.text("id"));
    assert_eq!(ack.text("parent"), ingest.text("id"));
    // Server, producer and client, as OpenTelemetry numbers them.
    assert_eq!([http, ingest, ack].map(|span| span.number("kind")), [2, 4, 3]);
    for (outer, inner) in [(http, ingest), (ingest, ack)] {
        assert!(outer.number("from") <= inner.number("from"), "{outer:?} {inner:?}");
        assert!(inner.number("to") <= outer.number("to"), "{outer:?} {inner:?}");
    }
    assert!(ack.number("from") < ack.number("to"));
    assert_eq!(
        (http.attribute("http.route"), http.attribute("http.response.status_code")),
        (&PATH.into(), &200.into())
    );
    assert_eq!(ingest.attribute("justcall.event_type"), "call.missed");
    assert_eq!(ingest.attribute("justcall.outcome"), "acked");
    assert_eq!(ingest.resource("service.name"), "justcall-kafka-bridge");
    assert!(spans.0.iter().all(|span| !span.is_error()), "{:?}", spans.0);

    let direct = of(&records, "direct");
    assert_eq!(direct.header("traceparent"), Some(ingest.traceparent().as_str()));
    assert_eq!(direct.header("tracestate"), Some("vendor=1,other=2"));
    assert_eq!(ingest.attribute("messaging.message.id"), direct.header("ce_id").expect("an id"));
    let rejected = spans.one(&trace(3), "ingest");
    assert_eq!(rejected.attribute("justcall.reason"), "not_json");
    assert_eq!(letters[0].header("traceparent"), Some(rejected.traceparent().as_str()));
    assert_eq!(of(&records, "unsampled").header("traceparent"), Some(unsampled.as_str()));
    let root = of(&records, "root").header("traceparent").expect("a trace").to_owned();
    let root_trace = root.split('-').nth(1).expect("a trace id");
    assert_eq!(spans.one(root_trace, "http").text("parent"), "");
    assert_eq!(spans.one(root_trace, "ingest").traceparent(), root);
    assert_eq!(of(&records, "root").header("tracestate"), None, "the record has a tracestate");
}

#[test]
fn drain_by_another_process_continues_the_trace_of_the_webhook() {
    let (collector, folder) = (Collector::listen(), tempfile::tempdir().expect("a folder"));
    let own = [
        format!("spool.directory={}", folder.path().display()),
        format!("topics.prefix={}.", crate::kit::topic_name("traces")),
        "kafka.ack_deadline=300ms".into(),
        collector.setting(),
    ];
    let settings: Vec<&str> = own.iter().map(String::as_str).collect();
    let nowhere =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port");
    let cut_off = Bridge::serve(&nowhere.to_string(), &settings);
    assert_eq!(post(&cut_off, &sampled(1), &call("spooled")), (200, "spooled".into()));
    assert_eq!(cut_off.stop().code(), Some(0));
    let refusing = Bridge::start(&nowhere.to_string(), &settings[1..]);
    let (status, _) = post(&refusing, &sampled(2), &call("refused"));
    assert_eq!(status, 503);
    assert_eq!(refusing.stop().code(), Some(0));

    let bridge = Bridge::serve(Kafka::shared().bootstrap(), &settings);
    let drained = records(&bridge, "call.missed", 1);
    bridge.wait_for_metric("spool_rows", 0);
    assert_eq!(bridge.stop().code(), Some(0));

    let spans = Spans::of(&collector);
    assert_eq!(spans.names(&trace(1)), ["drain", "http", "ingest", "spool"]);
    let [ingest, spool, drain] = ["ingest", "spool", "drain"].map(|name| spans.one(&trace(1), name));
    assert_eq!(drained[0].header("traceparent"), Some(ingest.traceparent().as_str()));
    assert_eq!(spool.text("parent"), ingest.text("id"));
    assert_eq!(drain.text("parent"), ingest.text("id"));
    assert!(drain.number("from") > spool.number("to"));
    assert_eq!(ingest.attribute("justcall.outcome"), "spooled");
    let topic = drain.attribute("messaging.destination.name").as_str().expect("a topic");
    assert!(topic.ends_with("call.missed"), "{topic}");

    assert_eq!(spans.names(&trace(2)), ["http", "ingest"]);
    let refused = spans.one(&trace(2), "ingest");
    assert!(refused.is_error() && spans.one(&trace(2), "http").is_error());
    assert_eq!(refused.attribute("justcall.outcome"), "refused");
    assert_eq!(refused.attribute("error.type"), "ack_deadline");
}

#[test]
fn hanging_or_missing_collector_delays_no_response_and_no_stop() {
    let hanging = Collector::hanging();
    let gone = "telemetry.otlp_endpoint=http://127.0.0.1:1".to_owned();
    for collector in [hanging.setting(), gone] {
        let settings = [
            collector.as_str(),
            // A request that waited would be noticed.
            "telemetry.otlp_timeout=60s",
            "kafka.ack_deadline=8s",
            "shutdown.timeout=8s",
        ];
        let bridge = Bridge::serve(Kafka::shared().bootstrap(), &settings);
        bridge.post(&call("warm"));
        let since = Instant::now();
        for n in 0..50 {
            assert_eq!(post(&bridge, &sampled(n), &call(&format!("c{n}"))).0, 200);
        }
        assert!(since.elapsed() < Duration::from_secs(30), "{:?}", since.elapsed());
        let since = Instant::now();
        assert_eq!(bridge.stop().code(), Some(0));
        assert!(since.elapsed() < Duration::from_secs(45), "{:?}", since.elapsed());
    }
}

#[test]
fn lost_spans_are_counted_and_logged_once() {
    let settings = ["telemetry.otlp_endpoint=http://127.0.0.1:1", "telemetry.otlp_timeout=200ms"];
    let bridge = Bridge::serve(Kafka::shared().bootstrap(), &settings);
    let since = Instant::now();
    let dropped = r#"spans_dropped_total{reason="not_taken"}"#;
    for n in 1..=3 {
        bridge.post(&call(&format!("c{n}")));
        until("spans that are counted", || bridge.metric(dropped) == 3 * n);
    }
    assert_eq!(bridge.metric("spans_exported_total"), 0);
    let log = bridge.process.stderr();
    let lines = log.iter().filter(|line| line.contains("accepts no traces")).count();
    let minutes = since.elapsed().as_secs() as usize / 60;
    assert!((1..=1 + minutes).contains(&lines), "{log:?}");
}

#[test]
fn collector_receives_its_headers_and_the_service_name() {
    let (collector, folder) = (Collector::listen(), tempfile::tempdir().expect("a folder"));
    let token = folder.path().join("token");
    std::fs::write(&token, "Bearer of-the-file\n").expect("a file");
    let settings = [
        collector.setting(),
        "telemetry.otlp_headers.x-tenant=seven".into(),
        format!("telemetry.otlp_headers_files.authorization={}", token.display()),
    ];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let env = [
        ("OTEL_SERVICE_NAME", "bridge-of-mine"),
        ("OTEL_RESOURCE_ATTRIBUTES", "k8s.pod.name=bridge-0"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
    ];
    let bridge = Bridge::start_with(Kafka::shared().bootstrap(), &settings, &env);
    bridge.wait_ready(true);
    bridge.post(&call("c"));
    bridge.wait_for_metric("spans_exported_total", 3);
    let taken = collector.taken();
    let head = taken[0].head.join("\n");
    assert!(head.starts_with("POST /v1/traces HTTP/1.1\n"), "{head}");
    for header in
        ["authorization: Bearer of-the-file", "x-tenant: seven", "content-type: application/x-protobuf"]
    {
        assert!(head.lines().any(|line| line == header), "{header} in {head}");
    }
    let spans = Spans::of(&collector);
    assert_eq!(spans.0[0].resource("service.name"), "bridge-of-mine");
    assert_eq!(spans.0[0].resource("k8s.pod.name"), "bridge-0");
}
