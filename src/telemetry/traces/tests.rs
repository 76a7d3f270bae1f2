use super::*;
use crate::health::Readiness;
use crate::record::{Headers, Record, TRACEPARENT};
use crate::telemetry::Ratio;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::Instant;

const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const UNSAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

/// Starts a tracer whose collector accepts connections and never responds.
fn tracer(sample_ratio: Ratio) -> (Tracer, Arc<Metrics>, TcpListener) {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = OtlpConfig {
        endpoint: Some(format!("http://{}/", collector.local_addr().unwrap())),
        headers: BTreeMap::new(),
        header_files: BTreeMap::new(),
        timeout: Duration::from_secs(60),
        sample_ratio,
    };
    let metrics = Arc::new(Metrics::new());
    (Tracer::start(&config, &metrics).unwrap(), metrics, collector)
}

fn begin(tracer: &Tracer, traceparent: Option<&str>) -> Option<Trace> {
    tracer.begin_trace(traceparent, || Some("vendor=1".into()))
}

#[test]
fn without_a_collector_the_callers_trace_is_passed_on() {
    let off = Tracer::off();
    let trace = begin(&off, Some(SAMPLED)).unwrap();
    assert!(trace.spans().is_none());
    assert_eq!((trace.context().traceparent(), trace.context().tracestate()), (SAMPLED, Some("vendor=1")));
    assert!(begin(&off, None).is_none());
    assert!(begin(&off, Some("00-xyz")).is_none());
}

#[test]
fn records_name_a_span_of_the_bridge_in_the_callers_trace() {
    let (tracer, ..) = tracer(Ratio::new(0.0).unwrap());
    let trace = begin(&tracer, Some(SAMPLED)).unwrap();
    assert!(trace.spans().is_some(), "whatever the sample ratio");
    let (caller, own) = (TraceContext::parse(SAMPLED, None).unwrap(), trace.context());
    assert_eq!(own.trace_id(), caller.trace_id());
    assert_ne!(own.span_id(), caller.span_id());
    assert!(own.is_sampled());
    assert_eq!(own.tracestate(), Some("vendor=1"));
}

#[test]
fn unsampled_trace_is_passed_on_unchanged() {
    let (tracer, ..) = tracer(Ratio::ALL);
    let trace = begin(&tracer, Some(UNSAMPLED)).unwrap();
    assert!(trace.spans().is_none());
    assert_eq!(trace.context().traceparent(), UNSAMPLED);
}

#[test]
fn untraced_events_are_sampled_and_always_carry_traceparent() {
    let traced = |ratio: f64| {
        let (tracer, ..) = tracer(Ratio::new(ratio).unwrap());
        let traces = (0..1000).map(|_| begin(&tracer, None).unwrap());
        let is_consistent = |trace: &Trace| trace.spans().is_some() == trace.context().is_sampled();
        traces.inspect(|trace| assert!(is_consistent(trace))).filter(|trace| trace.spans().is_some()).count()
    };
    assert_eq!(traced(0.0), 0);
    assert_eq!(traced(1.0), 1000);
    let half = traced(0.5);
    assert!((350..650).contains(&half), "{half} of 1000");
}

#[tokio::test]
async fn stalled_collector_costs_spans_and_no_time() {
    let (tracer, metrics, _collector) = tracer(Ratio::ALL);
    let trace = begin(&tracer, None).unwrap();
    let since = Instant::now();
    // More than the queue and the batch in flight hold.
    for _ in 0..12_000 {
        trace.spans().unwrap().answered("/webhooks/justcall", 200);
    }
    tracer.stop(Duration::from_millis(100)).await;
    assert!(since.elapsed() < Duration::from_secs(30), "{:?}", since.elapsed());
    let text = metrics.render(&Readiness::new(), 0);
    let dropped = text.lines().find_map(|line| {
        line.strip_prefix("justcall_bridge_spans_dropped_total{reason=\"queue_full\"} ")?.parse::<u64>().ok()
    });
    assert!(dropped.is_some_and(|dropped| (2000..12_000).contains(&dropped)), "{dropped:?}");
}

#[test]
fn drained_record_has_a_span_if_its_trace_is_sampled() {
    let (tracer, ..) = tracer(Ratio::ALL);
    let record = |traceparent: &str| Record {
        topic: Arc::from("t"),
        key: None,
        headers: Headers::builder(0).add(TRACEPARENT, traceparent).build(),
        value: Bytes::new(),
        timestamp: 0,
    };
    let out = |tracer: Tracer| {
        let mut spans = DrainSpans::new(tracer);
        [SAMPLED, UNSAMPLED, "no trace"].iter().enumerate().for_each(|(row, trace)| {
            spans.sent(row, &record(trace));
        });
        let out = spans.rows();
        spans.reported(&0, Ok(()));
        (out, spans.rows())
    };
    assert_eq!(out(tracer), (1, 0));
    assert_eq!(out(Tracer::off()), (0, 0));
}

#[test]
fn collector_is_a_base_url_without_secrets() {
    for good in ["http://localhost:4318", "https://otlp.example.com/", "http://[::1]:4318/otlp"] {
        assert_eq!(check_endpoint(good), Ok(()), "{good}");
    }
    for bad in [
        "localhost:4318",
        "grpc://localhost:4317",
        "http://",
        "http://me:secret@collector",
        "http://me@collector",
        "http://collector/?key=1",
        "http://collector/#1",
        "http:///collector",
        "http:collector",
        "http:/collector",
        "http://collector%41",
        "http://%5B::1]",
    ] {
        assert!(check_endpoint(bad).is_err(), "{bad}");
    }
}

/// Such a tracer would end `serve` although its settings are valid.
#[test]
fn tracer_starts_with_every_endpoint_that_is_accepted() {
    const PARTS: [&str; 12] = ["", ":", "/", "//", "a", "%41", "[::1]", "@", ":1", ".", "'", "]"];
    let config = OtlpConfig {
        endpoint: None,
        headers: BTreeMap::new(),
        header_files: BTreeMap::new(),
        timeout: Duration::from_secs(1),
        sample_ratio: Ratio::ALL,
    };
    let mut accepted = 0;
    for scheme in ["http", "http:", "http://", "HTTP://"] {
        for number in 0..PARTS.len().pow(3) {
            let part = |place: u32| PARTS[number / PARTS.len().pow(place) % PARTS.len()];
            let endpoint = format!("{scheme}{}{}{}", part(0), part(1), part(2));
            if check_endpoint(&endpoint).is_ok() {
                assert!(exporter::exporter(&endpoint, &config).is_ok(), "{endpoint}");
                accepted += 1;
            }
        }
    }
    assert!(accepted > 100, "{accepted}");
}

#[test]
fn headers_must_be_valid_in_http() {
    assert_eq!(check_header("authorization", "Bearer abc"), Ok(()));
    assert!(check_header("no name", "x").is_err());
    assert!(check_header("x", "two\nlines").is_err());
}

#[test]
fn ratio_is_from_0_to_1() {
    assert_eq!(Ratio::new(0.25).map(Ratio::value), Some(0.25));
    assert_eq!(Ratio::new(1.0), Some(Ratio::ALL));
    for bad in [-0.1, 1.1, f64::NAN] {
        assert_eq!(Ratio::new(bad), None, "{bad}");
    }
}
