use super::{BODY, CONNECTIONS};
use crate::bench::{Bench, Side, Spooling};
use crate::gauge::events::{Events, documented};
use crate::gauge::load::{Answers, closed_loop};
use crate::kit::bridge::PATH;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

/// Traffic beside a drain.
const CONCURRENT_CONNECTIONS: usize = 16;

const TIMEOUT: Duration = Duration::from_secs(300);

pub(super) fn spool(bench: &Bench) {
    let events = Events::new(documented(BODY), PATH);
    let bridge = bench.bridge(events.topics(), &["spool.max_bytes=8GiB"]);
    let base = Side::closed("bridge, direct", bridge.target(), &events, CONNECTIONS);
    let ours = Side::new("bridge", |seconds| {
        let outage = Outage::begin(bench, &bridge, &events);
        let sample = closed_loop(bridge.target(), &events, CONNECTIONS, seconds, Answers::Ok);
        outage.end();
        empty(&bridge);
        sample
    });
    bench.compare("spool", "spooled, 64 connections", base, ours);
}

pub(super) fn drain(bench: &Bench) {
    let events = Events::new(documented(BODY), PATH);
    let bridge = bench.bridge(events.topics(), &["spool.max_bytes=8GiB"]);
    let (mut alone, mut of_append) = (Vec::new(), Vec::new());
    let (mut beside, mut ingest, mut of_ingest) = (Vec::new(), Vec::new(), Vec::new());
    closed_loop(bridge.target(), &events, CONNECTIONS, 1, Answers::Ok);
    for _ in 0..bench.rounds {
        let append = fill(bench, &bridge, &events);
        let (rows, took) = empty(&bridge);
        alone.push(rows / took);
        of_append.push(rows / took / append);

        fill(bench, &bridge, &events);
        let before = bridge.drained();
        let started = Instant::now();
        let (target, seconds) = (bridge.target(), bench.seconds);
        let (traffic, drained) = scope(|scope| {
            let traffic =
                scope.spawn(|| closed_loop(target, &events, CONCURRENT_CONNECTIONS, seconds, Answers::Ok));
            while bridge.bridge.metric("spool_rows") > 0 && !traffic.is_finished() {
                sleep(Duration::from_millis(20));
            }
            let drained = (bridge.drained() - before) / started.elapsed().as_secs_f64();
            (traffic.join().expect("wrk runs"), drained)
        });
        beside.push(drained);
        ingest.push(traffic.rate);
        of_ingest.push(drained / traffic.rate);
        empty(&bridge);
    }
    bench.note("drain", "alone, records/s", alone);
    bench.note("drain", "alone, of the rate that it was filled with", of_append);
    bench.note("drain", "with traffic beside it, records/s", beside);
    bench.note("drain", "the traffic beside it, events/s", ingest);
    bench.note("drain", "drained, of what comes in meanwhile", of_ingest);
}

/// The bridge has detected it.
struct Outage<'a>(&'a Bench);

impl<'a> Outage<'a> {
    fn begin(bench: &'a Bench, bridge: &Spooling, events: &Events) -> Self {
        bench.kafka.freeze();
        // The first events of each topic wait for `kafka.ack_deadline`.
        closed_loop(bridge.target(), events, CONNECTIONS, 4, Answers::Ok);
        Self(bench)
    }

    fn end(self) {
        self.0.kafka.thaw();
    }
}

/// Returns events a second.
fn fill(bench: &Bench, bridge: &Spooling, events: &Events) -> f64 {
    let outage = Outage::begin(bench, bridge, events);
    let sample = closed_loop(bridge.target(), events, CONNECTIONS, bench.seconds, Answers::Ok);
    outage.end();
    sample.rate
}

/// Returns drained rows, and seconds since the first of them.
fn empty(bridge: &Spooling) -> (f64, f64) {
    let began = bridge.drained();
    let deadline = Instant::now() + TIMEOUT;
    while bridge.drained() == began && bridge.bridge.metric("spool_rows") > 0 {
        assert!(Instant::now() < deadline, "no row was drained");
        sleep(Duration::from_millis(5));
    }
    let (first, started) = (bridge.drained(), Instant::now());
    while bridge.bridge.metric("spool_rows") > 0 {
        assert!(Instant::now() < deadline, "the drain does not end");
        sleep(Duration::from_millis(5));
    }
    (bridge.drained() - first, started.elapsed().as_secs_f64())
}
