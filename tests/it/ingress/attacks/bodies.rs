use super::trial::Target;
use crate::kit::bridge::PATH;
use crate::kit::http::{self, Connection, post_bytes};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use std::io::Write;
use std::time::Duration;

/// Two waves exceed the memory budget. The first must be cut before the second arrives.
pub(super) fn slow(target: &Target) {
    let whole = post_bytes(PATH, &[], &[b'x'; 60_000]);
    let begin = |count| {
        let one = |_| {
            let mut connection = Connection::open(target.address)?;
            connection.send(&whole[..40_000])?;
            Ok::<_, std::io::Error>(connection)
        };
        (0..count).map(one).collect::<Vec<_>>()
    };
    let _first = begin(60);
    target.set_established();
    target.rest(Duration::from_millis(1250));
    let mut second = begin(30);
    while !target.is_over() {
        for connection in second.iter_mut().flatten() {
            let _ = connection.send(b"x");
        }
        target.rest(Duration::from_millis(50));
    }
}

/// In one member, in many, and nested.
pub(super) fn bombs(target: &Target) {
    let zeros = vec![b' '; 10 << 20];
    let member = gzip(&zeros[..1 << 16]);
    let kinds = [
        ("gzip", gzip(&zeros), 413),
        ("deflate", zlib(&zeros), 413),
        ("gzip", member.repeat(60_000 / member.len()), 413),
        // Decoded only once: the content is not JSON.
        ("gzip", gzip(&gzip(&zeros)), 400),
        ("gzip, gzip", gzip(&gzip(&zeros)), 415),
    ];
    target.set_established();
    while !target.is_over() {
        for (coding, body, status) in &kinds {
            let large = *status == 413 && body.len() < 60_000;
            let headers = [("content-encoding", *coding), ("connection", "close")];
            let answer = http::post(target.address, PATH, &headers, body);
            let found = answer.map_or(*status, |answer| answer.status);
            assert!(found == *status || !large, "{coding}: {found}");
        }
    }
}

pub(super) fn extreme_json(target: &Target) {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
    let keys: String = (0..60_000).map(|number| format!(r#""k{number}":1,"#)).collect();
    let million: String = (0..1_000_000).map(|_| r#""k":1,"#).collect();
    let inside = |value: &str| {
        format!(
            r#"{{"event":"call.completed","timestamp":"2026-03-12T14:30:00Z","data":{{"call_id":"c","x":{value}}}}}"#
        )
    };
    let bodies = [
        deep("[", "]"),
        deep(r#"{"a":"#, "}"),
        inside(&deep("[", "]")),
        inside(&deep(r#"{"a":"#, "}")),
        inside(&format!("{{{keys}\"z\":1}}")),
        format!("{{{keys}\"event\":\"call.completed\"}}"),
        inside(&format!("{{{million}\"z\":1}}")),
        inside(&"9".repeat(900_000)),
        inside(&format!("1e{}", "9".repeat(900_000))),
        inside(&format!("\"{}\"", r"\u0041".repeat(150_000))),
    ];
    target.set_established();
    while !target.is_over() {
        for body in &bodies {
            // The largest may be cut off while it is sent.
            if let Ok(answer) = http::post(target.address, PATH, &[("connection", "close")], body.as_bytes())
            {
                assert!([200, 400, 413, 422].contains(&answer.status), "{}", answer.text());
            }
            target.rest(Duration::from_millis(10));
        }
    }
}

/// A limit on bytes or time cuts off the request.
pub(super) fn chunks(target: &Target) {
    target.set_established();
    let head = format!("POST {PATH} HTTP/1.1\r\nhost: bridge\r\ntransfer-encoding: chunked\r\n\r\n");
    let tiny = "1\r\n\n\r\n".repeat(2000);
    let extension = "x".repeat(16_000);
    let mut opened: Vec<(Option<Connection>, bool)> = (0..40).map(|number| (None, number % 2 == 0)).collect();
    while !target.is_over() {
        for (place, is_tiny) in &mut opened {
            let open = || {
                let mut connection = Connection::open(target.address)?;
                let start = if *is_tiny { "" } else { "1;" };
                connection.send(format!("{head}{start}").as_bytes())?;
                Ok::<_, std::io::Error>(connection)
            };
            *place = place.take().or_else(|| open().ok());
            let more = if *is_tiny { &tiny } else { &extension };
            if place.as_mut().is_none_or(|connection| connection.send(more.as_bytes()).is_err()) {
                *place = None;
            }
        }
        // About 5 MB a second: this case does not measure CPU.
        target.rest(Duration::from_millis(100));
    }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).expect("into memory");
    encoder.finish().expect("into memory")
}

fn zlib(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).expect("into memory");
    encoder.finish().expect("into memory")
}
