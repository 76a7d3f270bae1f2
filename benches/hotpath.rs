//! Repeats a step of the hot path, which benches/instructions counts.
//!
//! `cargo run --release --example hotpath -- judge documented/call.completed 1000`

mod gauge;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use gauge::events::{Template, documented, live};
use gauge::judging::{judge, rules, settings};
use justcall_events::BodyHash;
use justcall_events::signature::{Headers, Keys, Rules, Subject, sign, verify};
use justcall_kafka_bridge::internals::delivery::{Delivery, Parts, Report, Sink, TopicFailure};
use justcall_kafka_bridge::internals::health::Readiness;
use justcall_kafka_bridge::internals::ingest::{Arrival, Budget, Credentials, Ingest, Outcome};
use justcall_kafka_bridge::internals::record::Record;
use justcall_kafka_bridge::internals::telemetry::{Metrics, Tracer};
use std::future::{Future, ready};
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [step, event, times] = &args[..] else {
        panic!("usage: judge|hash|verify|accept|body DIALECT/TYPE TIMES")
    };
    let times = times.parse().expect("a number");
    let template = template(event);
    match step.as_str() {
        "judge" => judging(&template, times),
        "hash" => hashing(&template, times),
        "verify" => verifying(&template, times),
        "accept" => accepting(&template, times),
        // The input of the next step, whose cost is subtracted.
        "body" => (0..times).for_each(|number| drop(black_box(Bytes::from(template.body(number))))),
        _ => panic!("no step is named {step}"),
    }
}

fn template(event: &str) -> Template {
    let (dialect, event_type) = event.split_once('/').expect("a dialect and a type");
    let templates = if dialect == "live" { live() } else { documented(0) };
    templates.into_iter().find(|template| template.event_type == event_type).expect("a type that is listed")
}

fn judging(template: &Template, times: u64) {
    let rules = rules(0, "");
    let body = Bytes::from(template.body(1));
    for _ in 0..times {
        black_box(judge(&rules, black_box(&body)));
    }
}

fn hashing(template: &Template, times: u64) {
    let body = template.body(1);
    for _ in 0..times {
        black_box(BodyHash::of(black_box(body.as_bytes())));
    }
}

fn verifying(template: &Template, times: u64) {
    const URL: &str = "https://hooks.example.com/webhooks/justcall";
    const TIME: &str = "1775553342";
    let secret = "a-secret-of-the-benchmark";
    let headers = Headers {
        signature: Some(sign(secret, URL, template.event_type, TIME)),
        version: Some("v1".to_owned()),
        timestamp: Some(TIME.to_owned()),
    };
    let keys = Keys::new([secret]);
    let now =
        TIME.parse().ok().and_then(|seconds| DateTime::<Utc>::from_timestamp(seconds, 0)).expect("a time");
    for _ in 0..times {
        let rules = Rules { urls: &[], tolerance: Duration::from_secs(60) };
        let subject = Subject { url: Some(URL), event_type: template.event_type };
        black_box(verify(black_box(&headers), subject, &keys, rules, now)).expect("a valid signature");
    }
}

/// Excludes the HTTP server and librdkafka.
fn accepting(template: &Template, times: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let settings = settings();
        let metrics = Arc::new(Metrics::new());
        let rules = rules(0, "");
        let parts = Parts {
            sink: Arc::new(Acknowledging),
            spool: None,
            topics: rules.table().topics().cloned().collect(),
            dead_letter_topic: Arc::from("dead-letter"),
            queue: (usize::MAX, usize::MAX),
            runtime: Handle::current(),
            readiness: Arc::new(Readiness::default()),
            metrics: Arc::clone(&metrics),
            tracer: Tracer::off(),
        };
        let delivery = Delivery::start(settings.delivery.clone(), parts);
        let ingest = Ingest::new(&settings.ingest, rules, delivery, metrics, 0).expect("no secrets");
        let budget = Budget::new(usize::MAX);
        for number in 0..times {
            let body = Bytes::from(template.body(number));
            let permit = budget.admit(body.len()).expect("room");
            let arrival = Arrival {
                source: 0,
                body: Some(body),
                received_at: DateTime::<Utc>::UNIX_EPOCH,
                credentials: Credentials::default(),
                trace: None,
                permit,
            };
            let outcome = ingest.accept(Box::new(arrival)).await;
            assert!(matches!(outcome, Outcome::Acked(_)), "not acknowledged: {outcome:?}");
        }
    });
}

struct Acknowledging;

impl Sink for Acknowledging {
    fn send(&self, _: &Record, _: Option<u32>, report: Report) {
        report.settle(Ok(()));
    }

    fn prepare<'a>(
        &'a self,
        _: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<u32, TopicFailure>> + Send + 'a>> {
        Box::pin(ready(Ok(1)))
    }
}
