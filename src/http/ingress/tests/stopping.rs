//! Requests in flight when the bridge stops.

use super::kit::{Bridge, post};
use std::net::TcpStream;
use std::time::Duration;

#[test]
fn stop_waits_for_requests_in_flight_and_refuses_new_ones() {
    let mut bridge = Bridge::start();
    let mut early = bridge.connect();
    early.send(&post("slow"));
    bridge.wait_until(|| bridge.in_flight() == 1);
    bridge.begin_stop(Duration::from_secs(10));
    let late = loop {
        let late = bridge.ask(&post("late"));
        if late.status != 200 {
            break late;
        }
    };
    assert_eq!((late.status, late.header("retry-after")), (503, Some("5")));
    assert!(late.body.contains("problem:shutting_down"));
    assert_eq!(early.answer().status, 200);
    assert!(bridge.stopped());
    assert!(TcpStream::connect(bridge.addr).is_err());
}

#[test]
fn stop_waits_for_requests_of_disconnected_clients() {
    let mut bridge = Bridge::start();
    let mut client = bridge.connect();
    client.send(&post("slow"));
    bridge.wait_until(|| bridge.in_flight() == 1);
    drop(client);
    bridge.begin_stop(Duration::from_secs(10));
    assert!(bridge.stopped());
    assert_eq!(bridge.accepted(), ["0:slow"]);
}

#[test]
fn stop_ends_at_its_timeout() {
    let mut bridge = Bridge::start();
    let mut client = bridge.connect();
    client.send(&post("forever"));
    bridge.wait_until(|| bridge.in_flight() == 1);
    bridge.begin_stop(Duration::from_millis(50));
    assert!(!bridge.stopped());
}

#[test]
fn panic_after_the_client_disconnected_is_counted() {
    let mut bridge = Bridge::start();
    let mut client = bridge.connect();
    client.send(&post("slow panic"));
    bridge.wait_until(|| bridge.in_flight() == 1);
    drop(client);
    bridge.wait_until(|| bridge.in_flight() == 0);
    bridge.wait_until(|| bridge.metrics().contains("http_rejected_requests_total{reason=\"internal\"} 1\n"));
    assert_eq!(bridge.ask(&post("next")).status, 200);
    bridge.begin_stop(Duration::from_secs(10));
    assert!(bridge.stopped());
}

#[test]
fn responses_during_the_delay_close_and_idle_connections_stay_open() {
    let mut bridge = Bridge::start();
    let (mut idle, mut busy) = (bridge.connect(), bridge.connect());
    for client in [&mut idle, &mut busy] {
        client.send(&post("before"));
        assert_eq!(client.answer().header("connection"), None);
    }
    bridge.begin_delay();
    // The delay begins on another thread: new connections show that it has begun.
    bridge.wait_until(|| bridge.ask(&post("begun")).header("connection") == Some("close"));
    for client in [&mut busy, &mut idle] {
        client.send(&post("during"));
        let answer = client.answer();
        assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
        assert!(client.is_closed());
    }
    let get = bridge.ask("GET /elsewhere HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!((get.status, get.header("connection")), (404, Some("close")));
    let mut kept = bridge.connect();
    bridge.begin_stop(Duration::from_secs(10));
    assert!(kept.is_closed(), "idle connections end without a reset");
    assert!(bridge.stopped());
}
