use super::trial::Target;
use crate::kit::bridge::PATH;
use crate::kit::http::Connection;
use std::time::Duration;

const HEAD: &[u8] = b"POST /webhooks/justcall HTTP/1.1\r\nhost: bridge\r\nx-slow: ";

/// Reconnects when cut off.
pub(super) fn trickle(target: &Target, connections: usize) {
    let mut opened: Vec<_> = (0..connections).map(|_| Connection::open(target.address).ok()).collect();
    target.set_established();
    let mut at = 0;
    while !target.is_over() {
        for place in &mut opened {
            let byte = [*HEAD.get(at).unwrap_or(&b'x')];
            if place.as_mut().is_none_or(|it| it.send(&byte).is_err()) {
                *place = Connection::open(target.address).ok();
            }
        }
        at += 1;
        target.rest(Duration::from_millis(100));
    }
}

pub(super) fn silent(target: &Target, connections: usize) {
    let _crowd: Vec<_> = (0..connections).map(|_| Connection::open(target.address)).collect();
    target.set_established();
    target.rest(Duration::from_secs(60));
}

/// At most half of all connections may stay.
pub(super) fn kept_alive(target: &Target, connections: usize) {
    let mut opened = Vec::new();
    for _ in 0..connections {
        if let Ok(connection) = after_an_answer(target) {
            opened.push(connection);
        }
    }
    target.set_established();
    target.rest(Duration::from_secs(60));
}

pub(super) fn unfinished_next(target: &Target, connections: usize) {
    let begin = |_| {
        let mut connection = after_an_answer(target).ok()?;
        connection.send(b"P").ok().map(|()| connection)
    };
    let opened: Vec<_> = (0..connections).filter_map(begin).collect();
    assert_eq!(opened.len(), connections);
    target.set_established();
    target.rest(Duration::from_secs(60));
    for mut connection in opened {
        assert_eq!(connection.receive().expect("a response before the end").status, 503);
        assert!(connection.is_closed());
    }
}

fn after_an_answer(target: &Target) -> std::io::Result<Connection> {
    let mut connection = Connection::open(target.address)?;
    connection.send(format!("GET {PATH} HTTP/1.1\r\nhost: bridge\r\n\r\n").as_bytes())?;
    assert_eq!(connection.receive()?.status, 200);
    Ok(connection)
}
