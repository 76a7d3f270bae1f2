//! Each case prints a row of the table in docs/operations/hardening.md.

mod bodies;
mod heads;
mod many_connections;
mod trial;

use crate::kit::bridge::Bridge;
use crate::kit::kafka::{Kafka, Options};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use trial::{Case, Target, max_connections, run};

const SMALL: &[&str] = &["server.max_body_bytes=64KiB", "server.max_in_flight=4MiB"];

type Kind = fn(&Target);

#[test]
fn slow_headers() {
    let connections = max_connections(1000);
    run(&Case { name: "slow headers", settings: SMALL, connections }, |target| {
        many_connections::trickle(target, connections);
    });
}

#[test]
fn slow_bodies() {
    run(&Case { name: "slow bodies", settings: SMALL, connections: 90 }, bodies::slow);
}

#[test]
fn silent_connections() {
    let connections = max_connections(4000);
    let settings = &[SMALL, &["server.header_timeout=20s"]].concat();
    run(&Case { name: "silent connections", settings, connections }, |target| {
        many_connections::silent(target, connections);
    });
}

#[test]
fn connections_kept_after_a_good_request() {
    let connections = max_connections(4600);
    run(&Case { name: "kept-alive connections", settings: SMALL, connections }, |target| {
        many_connections::kept_alive(target, connections);
    });
}

#[test]
fn next_head_that_never_ends() {
    let connections = max_connections(1000);
    run(&Case { name: "unfinished next header", settings: SMALL, connections }, |target| {
        many_connections::unfinished_next(target, connections);
    });
}

#[test]
fn huge_headers() {
    run(&Case { name: "huge headers", settings: SMALL, connections: 100 }, heads::huge);
}

#[test]
fn largest_heads_on_many_connections() {
    let connections = max_connections(2000);
    let settings = &[SMALL, &["server.header_timeout=20s"]].concat();
    run(&Case { name: "unfinished large headers", settings, connections }, |target| {
        heads::large_and_unfinished(target, connections);
    });
}

#[test]
fn pipelined_garbage() {
    run(&Case { name: "pipelined garbage", settings: SMALL, connections: 20 }, heads::garbage);
}

#[test]
fn pipelined_requests_with_unread_responses() {
    run(&Case { name: "answers not read", settings: SMALL, connections: 200 }, heads::unread_answers);
}

#[test]
fn compressed_bombs() {
    run(&Case { name: "compressed bombs", settings: SMALL, connections: 4 }, bodies::bombs);
}

#[test]
fn deep_wide_and_long_json() {
    let settings = &["server.max_in_flight=16MiB"];
    run(&Case { name: "deep, wide, long JSON", settings, connections: 4 }, bodies::extreme_json);
}

#[test]
fn tiny_chunks_and_endless_chunk_extensions() {
    run(&Case { name: "tiny chunks, extensions", settings: SMALL, connections: 40 }, bodies::chunks);
}

#[test]
fn all_at_once() {
    let settings = &["server.max_in_flight=16MiB"];
    let each = max_connections(1600) / 4;
    let kinds: &[Kind] = &[heads::huge, heads::garbage, heads::unread_answers, bodies::bombs, bodies::chunks];
    run(&Case { name: "all at once", settings, connections: 4 * each + 400 }, |target| {
        std::thread::scope(|scope| {
            scope.spawn(|| many_connections::trickle(target, each));
            scope.spawn(|| many_connections::silent(target, each));
            scope.spawn(|| many_connections::kept_alive(target, each));
            scope.spawn(|| many_connections::unfinished_next(target, each));
            scope.spawn(|| bodies::extreme_json(target));
            for kind in kinds {
                scope.spawn(move || kind(target));
            }
        });
    });
}

#[test]
fn file_descriptors_are_reserved_for_probes_kafka_and_the_spool() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spool = format!("spool.directory={}", folder.path().join("spool").display());
    let settings = [spool.as_str(), "server.header_timeout=3s", "kafka.ack_deadline=1s"];
    let kafka = Kafka::start(Options::default());
    let bridge = Bridge::serve_after("ulimit -n 256", kafka.bootstrap(), &settings);
    bridge.process.wait_for_line("the limit on open files is low", Duration::from_secs(10));
    let connect = |address: SocketAddr, count: usize| -> Vec<_> {
        (0..count).map(|_| TcpStream::connect(address).expect("a connection")).collect()
    };
    let (_ingress, _admin) = (connect(bridge.ingress, 300), connect(bridge.admin, 600));
    assert_eq!(bridge.admin("/livez").status, 200);
    assert_eq!(bridge.post(&event("descriptors_1")).status, 200);
    kafka.freeze();
    let _more = connect(bridge.ingress, 300);
    let answer = bridge.post(&event("descriptors_2"));
    assert!(answer.status == 200 && answer.text().contains("spooled"), "{}", answer.text());
    kafka.thaw();
    bridge.wait_for_metric("spool_rows", 0);
    assert_eq!(bridge.admin("/readyz").status, 200);
}

#[test]
fn many_workers_with_few_file_descriptors_leave_some_for_probes() {
    let settings = ["server.workers=32", "server.header_timeout=60s"];
    let bridge = Bridge::serve_after("ulimit -n 400", Kafka::shared().bootstrap(), &settings);
    let connect = |address: SocketAddr, count: usize| -> Vec<_> {
        (0..count).map(|_| TcpStream::connect(address).expect("a connection")).collect()
    };
    let (_ingress, _admin) = (connect(bridge.ingress, 400), connect(bridge.admin, 200));
    assert_eq!(bridge.admin("/livez").status, 200);
    assert!(bridge.metric("process_open_fds") < 400);
}

#[test]
fn soft_limit_on_file_descriptors_is_raised() {
    let bridge = Bridge::serve_after("ulimit -Sn 300", Kafka::shared().bootstrap(), &[]);
    assert!(bridge.metric("process_max_fds") > 300);
}

fn event(id: &str) -> Vec<u8> {
    format!(r#"{{"event":"call.missed","timestamp":"2026-03-12T14:32:00Z","data":{{"call_id":"{id}"}}}}"#)
        .into_bytes()
}
