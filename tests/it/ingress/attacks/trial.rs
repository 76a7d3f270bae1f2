use crate::kit::bridge::{Bridge, PATH};
use crate::kit::http::{Connection, post_bytes};
use crate::kit::kafka::Kafka;
use crate::kit::load::body;
use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Limits from docs/operations/hardening.md.
const PROCESS_MEMORY: usize = 64 * MIB;
const CONNECTION_MEMORY: usize = 80 * 1024;
const MEMORY_PER_BYTE_IN_FLIGHT: usize = 4;

const MIB: usize = 1024 * 1024;

const SENDERS: usize = 4;
/// Each sender's events.
const EVENTS: usize = 60;
const SEND_INTERVAL: Duration = Duration::from_millis(25);

pub(super) struct Case<'a> {
    pub(super) name: &'a str,
    pub(super) settings: &'a [&'a str],
    pub(super) connections: usize,
}

pub(super) struct Target {
    pub(super) address: SocketAddr,
    over: AtomicBool,
    is_established: AtomicBool,
}

impl Target {
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Permits honest traffic, which begins anyway after some seconds.
    pub(super) fn set_established(&self) {
        self.is_established.store(true, Ordering::Relaxed);
    }

    pub(super) fn rest(&self, time: Duration) {
        let until = Instant::now() + time;
        while !self.is_over() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

pub(super) fn max_connections(wanted: usize) -> usize {
    let limits = fs::read_to_string("/proc/self/limits").expect("this process's limits");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("a limit on files");
    let soft = line.split_whitespace().nth(3).and_then(|limit| limit.parse().ok()).unwrap_or(usize::MAX);
    wanted.min(soft.saturating_sub(500))
}

pub(super) fn run(case: &Case<'_>, attack: impl FnOnce(&Target) + Send) {
    static ONE: Mutex<()> = Mutex::new(());
    let kafka = Kafka::shared();
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let quick = ["server.request_timeout=3s", "server.header_timeout=1s", "deduplication.window=0s"];
    let bridge = Bridge::serve(kafka.bootstrap(), &[&quick, case.settings].concat());
    warm_up(&bridge);
    let before = memory(&bridge, "VmRSS:");
    let target = Target {
        address: bridge.ingress,
        over: AtomicBool::new(false),
        is_established: AtomicBool::new(false),
    };
    let times = std::thread::scope(|scope| {
        let attacker = scope.spawn(|| attack(&target));
        let since = Instant::now();
        while !target.is_established.load(Ordering::Relaxed) && since.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(5));
        }
        // Caught, so that the attacker ends also if a sender fails.
        let times = std::panic::catch_unwind(|| send_honestly(bridge.ingress));
        target.over.store(true, Ordering::Relaxed);
        attacker.join().expect("the attack succeeds as expected");
        times.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    bridge.wait_for_metric("in_flight_requests", 0);
    bridge.wait_for_metric("in_flight_bytes", 0);
    let peak = memory(&bridge, "VmHWM:");
    report(case, &times, before, peak);
    let bound = PROCESS_MEMORY
        + case.connections * CONNECTION_MEMORY
        + MEMORY_PER_BYTE_IN_FLIGHT * max_in_flight(case);
    assert!(peak < bound, "{}: {} MiB, more than {}", case.name, peak / MIB, bound / MIB);
}

fn max_in_flight(case: &Case<'_>) -> usize {
    let named = case.settings.iter().find_map(|it| it.strip_prefix("server.max_in_flight="));
    let mib = named.and_then(|size| size.strip_suffix("MiB")).and_then(|size| size.parse::<usize>().ok());
    mib.expect("a number of MiB") * MIB
}

fn warm_up(bridge: &Bridge) {
    for number in 0..4 {
        assert_eq!(bridge.post(&event(SENDERS, number)).status, 200);
    }
}

fn event(sender: usize, number: usize) -> Vec<u8> {
    body("call.completed", "call_id", &format!("key-{sender}"), sender * EVENTS + number, 600)
}

fn send_honestly(address: SocketAddr) -> Vec<Duration> {
    let start = Barrier::new(SENDERS);
    let mut times = std::thread::scope(|scope| {
        let sender = |sender| {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                send(address, sender)
            })
        };
        let senders: Vec<_> = (0..SENDERS).map(sender).collect();
        senders.into_iter().flat_map(|it| it.join().expect("an honest sender was served")).collect::<Vec<_>>()
    });
    times.sort_unstable();
    assert_eq!(times.len(), SENDERS * EVENTS);
    times
}

fn send(address: SocketAddr, sender: usize) -> Vec<Duration> {
    let keeps = sender.is_multiple_of(2);
    let mut kept: Option<Connection> = None;
    let one = |number| {
        std::thread::sleep(SEND_INTERVAL);
        let since = Instant::now();
        let mut connection = kept.take().map_or_else(|| Connection::open(address), Ok).expect("a connection");
        let headers: &[_] = if keeps { &[] } else { &[("connection", "close")] };
        connection.send(&post_bytes(PATH, headers, &event(sender, number))).expect("a request");
        let answer = connection.receive().expect("an answer");
        assert_eq!((answer.status, answer.json()["outcome"].as_str()), (200, Some("acked")));
        if keeps && answer.header("connection") != Some("close") {
            kept = Some(connection);
        }
        since.elapsed()
    };
    (0..EVENTS).map(one).collect()
}

fn memory(bridge: &Bridge, line: &str) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", bridge.process.pid())).expect("its status");
    let line = status.lines().find_map(|each| each.strip_prefix(line)).expect("a line of the status");
    line.trim().strip_suffix(" kB").and_then(|kib| kib.parse::<usize>().ok()).expect("a size") * 1024
}

fn report(case: &Case<'_>, times: &[Duration], before: usize, peak: usize) {
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1000.0;
    let kib = peak.saturating_sub(before) / 1024;
    println!(
        "attack: {:<26} {:>5} connections | honest {} p50 {:.1} ms p99 {:.1} ms worst {:.1} ms | peak {} MiB (+{kib} KiB, {:.1} KiB each)",
        case.name,
        case.connections,
        times.len(),
        at(50),
        at(99),
        at(100),
        peak / MIB,
        kib as f64 / case.connections as f64,
    );
}
