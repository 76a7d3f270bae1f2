//! What is in flight when the bridge stops.

use super::kit::{Bridge, post};
use std::net::TcpStream;
use std::time::Duration;

#[test]
fn stopping_waits_for_what_is_in_flight_and_refuses_the_rest() {
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
fn work_whose_client_hung_up_is_waited_for_too() {
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
fn stopping_does_not_wait_longer_than_it_was_told() {
    let mut bridge = Bridge::start();
    let mut client = bridge.connect();
    client.send(&post("forever"));
    bridge.wait_until(|| bridge.in_flight() == 1);
    bridge.begin_stop(Duration::from_millis(50));
    assert!(!bridge.stopped());
}
