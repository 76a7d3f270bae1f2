use super::{BODY, FULL, TOPICS};
use crate::bench::Bench;
use crate::gauge::events::{Events, documented};
use crate::gauge::load::{Answers, Target, closed_loop};
use crate::gauge::process::{most_resident_mib, resident_mib};
use crate::gauge::ratio::middle;
use crate::kit::bridge::{Bridge, PATH};
use crate::kit::http::{Connection, get, post_bytes};
use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// After the interval, nothing of the last request is in flight.
const ISOLATED_EVENTS: u64 = 200;
const EVENT_INTERVAL: Duration = Duration::from_millis(10);

pub(super) fn isolated(bench: &Bench) {
    let events = Events::new(documented(BODY), PATH);
    let floor = bench.floor(TOPICS);
    let bare = bench.floor_with(TOPICS, &["--linger-ms", "0"]);
    let bridge = bench.bridge(events.topics(), &[]);
    let mut sides = [
        ("floor, median in ms", floor.target(), Vec::new()),
        ("floor with a linger of 0, median in ms", bare.target(), Vec::new()),
        ("bridge, median in ms", bridge.target(), Vec::new()),
    ];
    for round in 0..=bench.rounds as u64 {
        for (_, target, medians) in &mut sides {
            let median = isolated_latency(*target, &events, round * ISOLATED_EVENTS);
            if round > 0 {
                medians.push(median);
            }
        }
    }
    for (name, _, medians) in sides {
        bench.note("lone", name, medians);
    }
}

/// In milliseconds.
fn isolated_latency(target: Target<'_>, events: &Events, first: u64) -> f64 {
    let mut connection = Connection::open(target.address).expect("a connection");
    let times = (first..first + ISOLATED_EVENTS).map(|number| {
        let body = events.body(number);
        let request = post_bytes(target.path, &[("content-type", "application/json")], body.as_bytes());
        sleep(EVENT_INTERVAL);
        let sent = Instant::now();
        connection.send(&request).expect("a server");
        let answer = connection.receive().expect("an answer");
        let took = sent.elapsed().as_secs_f64() * 1e3;
        assert_eq!(answer.status, 200);
        took
    });
    middle(&times.collect::<Vec<_>>())
}

pub(super) fn memory(bench: &Bench) {
    let events = Events::new(documented(BODY), PATH);
    let floor = bench.floor(TOPICS);
    let bridge = bench.bridge(events.topics(), &[]);
    sleep(Duration::from_secs(1));
    for (name, target) in [("floor", floor.target()), ("bridge", bridge.target())] {
        bench.note("memory", &format!("{name} idle, MiB"), vec![resident_mib(target.pid)]);
        for _ in 0..bench.rounds {
            closed_loop(target, &events, FULL, bench.seconds, Answers::Ok);
        }
        bench.note(
            "memory",
            &format!("{name} at full load, at most, MiB"),
            vec![most_resident_mib(target.pid)],
        );
    }
}

pub(super) fn start(bench: &Bench) {
    let times = (0..bench.rounds.max(3) * 3).map(|_| {
        let started = Instant::now();
        let bridge = Bridge::start(bench.kafka.bootstrap(), &[]);
        while get(bridge.admin, "/readyz").expect("an answer").status != 200 {
            sleep(Duration::from_millis(1));
        }
        started.elapsed().as_secs_f64() * 1e3
    });
    bench.note("start", "from start to ready, ms", times.collect());
}

pub(super) fn binary(bench: &Bench) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let stripped = folder.path().join("stripped");
    let done =
        Command::new("strip").arg("-o").arg(&stripped).arg(env!("CARGO_BIN_EXE_justcall-bridge")).status();
    assert!(done.expect("strip runs").success(), "strip failed");
    let bytes = fs::metadata(&stripped).expect("a file").len();
    bench.note("binary", "stripped, MB", vec![bytes as f64 / 1e6]);
}
