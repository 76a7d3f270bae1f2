use super::trial::Target;
use crate::kit::bridge::PATH;
use crate::kit::http::{Connection, post_bytes};
use crate::kit::load::body;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

pub(super) fn huge(target: &Target) {
    target.set_established();
    let one = format!("GET {PATH} HTTP/1.1\r\nhost: bridge\r\nx: {}\r\n\r\n", "x".repeat(4 << 20));
    let many: String = (0..50_000).map(|number| format!("x-{number}: {number}\r\n")).collect();
    let many = format!("GET {PATH} HTTP/1.1\r\nhost: bridge\r\n{many}\r\n");
    while !target.is_over() {
        for head in [&one, &many] {
            let Ok(mut connection) = Connection::open(target.address) else { continue };
            if connection.send(head.as_bytes()).is_ok() {
                let status = connection.receive().map_or(431, |answer| answer.status);
                assert_eq!(status, 431);
            }
            target.rest(Duration::from_millis(10));
        }
    }
}

/// This is the highest cost of a connection.
pub(super) fn large_and_unfinished(target: &Target, connections: usize) {
    let start = format!("GET {PATH} HTTP/1.1\r\nhost: bridge\r\nx: ");
    let head = format!("{start}{}", "x".repeat(15 * 1024));
    let open = || {
        let mut connection = Connection::open(target.address)?;
        connection.send(head.as_bytes())?;
        Ok::<_, std::io::Error>(connection)
    };
    let mut opened: Vec<_> = (0..connections).filter_map(|_| open().ok()).collect();
    target.set_established();
    target.rest(Duration::from_secs(60));
    let last = opened.last_mut().expect("a connection");
    last.send(&[b'x'; 2048]).expect("it is open still");
    assert_eq!(last.receive().expect("an answer").status, 431);
}

pub(super) fn garbage(target: &Target) {
    target.set_established();
    let good = format!("GET {PATH} HTTP/1.1\r\nhost: bridge\r\n\r\n");
    let mixed = [good.as_bytes(), b"\0\r\n\r\n", &[0xff; 512], b"\r\n\r\n", good.as_bytes()].concat();
    let lines = b"\r\n\r\n".repeat(4000);
    while !target.is_over() {
        for bytes in [mixed.repeat(50), lines.clone(), vec![b'\n'; 60_000], vec![0; 60_000]] {
            let Ok(mut connection) = Connection::open(target.address) else { continue };
            // Only the bridge's health counts.
            let _ = connection.send(&bytes).and_then(|()| connection.finish_sending());
            let _ = connection.receive();
            target.rest(Duration::from_millis(5));
        }
    }
}

pub(super) fn unread_answers(target: &Target) {
    let headers: String = ('a'..='z').chain('0'..='9').map(|name| format!("{name}:\r\n")).collect();
    let event = body("call.missed", "call_id", "unread", 0, 100);
    let small = format!("GET {PATH} HTTP/1.1\r\n{headers}\r\n").repeat(400);
    // All pipelined requests wait for Kafka.
    let request = [post_bytes(PATH, &[], &event), small.into_bytes()].concat();
    let open = || {
        let stream = TcpStream::connect(target.address)?;
        stream.set_nonblocking(true)?;
        Ok::<_, std::io::Error>((stream, 0))
    };
    let mut opened: Vec<_> = (0..200).filter_map(|_| open().ok()).collect();
    target.set_established();
    while !target.is_over() {
        for (stream, sent) in &mut opened {
            // Continues where the socket was full, so that no request is torn.
            while let Ok(len) = stream.write(&request[*sent..]) {
                *sent = (*sent + len) % request.len();
            }
        }
        target.rest(Duration::from_millis(20));
    }
}
