//! Cost of each step of an event: `cargo bench --bench micro`, with a part of a name after `--` to select.

mod gauge;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gauge::events::{documented, live};
use gauge::judging::{judge, rules};
use justcall_events::signature::{Headers, Keys, Rules, Subject, sign, verify};
use justcall_events::{BodyHash, EventId, Scanned, Validation, scan};
use justcall_kafka_bridge::internals::spool::{self, Append, Spool, SpoolEntry};
use std::hint::black_box;
use std::sync::{Arc, mpsc};
use std::time::Duration;

criterion_group!(benches, validate, whole, route, event_id, signature, append);
criterion_main!(benches);

/// Excludes the hash of the body.
fn validate(criterion: &mut Criterion) {
    for (dialect, templates) in [("documented", documented(0)), ("live", live())] {
        let mut group = criterion.benchmark_group(format!("parse and validate, {dialect}"));
        for template in templates {
            let body = template.body(1);
            let hash = BodyHash::of(body.as_bytes());
            group.throughput(Throughput::Bytes(body.len() as u64));
            group.bench_with_input(
                BenchmarkId::from_parameter(template.event_type),
                &body,
                |bencher, body| {
                    bencher.iter(|| match scan(black_box(body.as_bytes())) {
                        Ok(Scanned::Envelope(envelope)) => black_box(
                            envelope
                                .validate(Validation::Documented, &hash)
                                .expect("a valid event")
                                .violations,
                        ),
                        _ => panic!("no event"),
                    });
                },
            );
        }
    }
}

/// Includes the hash.
fn whole(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("body to records");
    for (dialect, templates) in [("documented", documented(0)), ("live", live())] {
        for template in templates {
            let rules = rules(0, "");
            let body = Bytes::from(template.body(1));
            group.throughput(Throughput::Bytes(body.len() as u64));
            group.bench_with_input(BenchmarkId::new(dialect, template.event_type), &body, |bencher, body| {
                bencher.iter(|| judge(&rules, black_box(body)));
            });
        }
    }
}

/// The last of several routes for the type matches.
fn route(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("body to records, by routes");
    let template = documented(0).into_iter().find(|template| template.event_type == "call.completed");
    let body = Bytes::from(template.expect("a call").body(1));
    for routes in [0, 1, 5, 500] {
        let rules = rules(routes, "call.completed");
        group.bench_function(BenchmarkId::from_parameter(routes), |bencher| {
            bencher.iter(|| judge(&rules, black_box(&body)));
        });
    }
}

fn event_id(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("event id");
    for (name, bytes) in [("300 B", 300), ("4 KiB", 4 << 10), ("64 KiB", 64 << 10), ("900 KiB", 900 << 10)] {
        let body = vec![b'x'; bytes];
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(BenchmarkId::new("hash of a body", name), |bencher| {
            bencher.iter(|| BodyHash::of(black_box(&body)));
        });
    }
    group.throughput(Throughput::Elements(1));
    let hash = BodyHash::of(b"a body");
    group.bench_function("from a hash", |bencher| bencher.iter(|| EventId::from_hash(black_box(&hash))));
    group.bench_function("from a request_id", |bencher| {
        bencher.iter(|| EventId::from_request_id(black_box("01KNKKKV1FMX0XM5GNMD0DMNG5")));
    });
}

fn signature(criterion: &mut Criterion) {
    const URL: &str = "https://hooks.example.com/webhooks/justcall";
    const TYPE: &str = "call.completed";
    const TIME: &str = "1775553342";
    let mut group = criterion.benchmark_group("signature");
    let secret = |number: usize| format!("a-secret-of-the-benchmark-{number}");
    let headers = Headers {
        signature: Some(sign(&secret(0), URL, TYPE, TIME)),
        version: Some("v1".to_owned()),
        timestamp: Some(TIME.to_owned()),
    };
    let now =
        TIME.parse().ok().and_then(|seconds| DateTime::<Utc>::from_timestamp(seconds, 0)).expect("a time");
    for secrets in [1, 2] {
        let keys = Keys::new((0..secrets).map(secret));
        group.bench_function(BenchmarkId::new("verify, by secrets", secrets), |bencher| {
            bencher.iter(|| {
                let rules = Rules { urls: &[], tolerance: Duration::from_secs(60) };
                let subject = Subject { url: Some(URL), event_type: TYPE };
                verify(black_box(&headers), subject, &keys, rules, now).expect("a valid signature")
            });
        });
    }
}

/// Measures rows alone, and as many as share a commit.
fn append(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("spool append");
    group.sample_size(20);
    for together in [1, 64, 256] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let directory = folder.path().join("spool");
        let config =
            spool::Config { directory: Some(directory.clone()), max_bytes: 4 << 30, max_lane_share: 100 };
        let spool = Spool::open(&directory, &config, 100_000).expect("a new spool");
        let lane: Arc<str> = Arc::from("lane");
        let payload = Bytes::from(vec![b'x'; 700]);
        let mut number = 0_u64;
        group.throughput(Throughput::Elements(together));
        group.bench_function(BenchmarkId::from_parameter(together), |bencher| {
            let appends = || -> Vec<_> {
                let (sender, results) = mpsc::channel();
                let appends = (0..together).map(|_| {
                    number += 1;
                    let mut identity = [0; 16];
                    identity[..8].copy_from_slice(&number.to_be_bytes());
                    let sender = sender.clone();
                    let entry = SpoolEntry {
                        lane: Arc::clone(&lane),
                        payload: payload.clone(),
                        handed_over: false,
                        max_lane_bytes: None,
                    };
                    Append {
                        entries: vec![entry],
                        identity: Some(identity),
                        done: Box::new(move |result| {
                            sender.send(result.is_ok()).expect("the receiver exists")
                        }),
                    }
                });
                let appends: Vec<_> = appends.collect();
                vec![(appends, results)]
            };
            bencher.iter_batched(
                appends,
                |mut batch| {
                    let (appends, results) = batch.remove(0);
                    appends.into_iter().for_each(|append| spool.append(append));
                    assert!((0..together).all(|_| results.recv() == Ok(true)), "an append failed");
                },
                BatchSize::PerIteration,
            );
        });
        assert_eq!(spool.close_within(Duration::from_secs(60)), Some(0));
    }
}
