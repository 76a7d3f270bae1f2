//! End of a request: the socket wrapper, actix and the handler agree on it.

use super::kit::{Bridge, LIMIT, PATH, chunk, chunked, post, post_to};
use crate::http::chunks::ChunkedBody;
use actix_http::h1::{Codec, Message};
use actix_web::http::ConnectionType;
use bytes::BytesMut;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, TestRunner};
use std::thread;
use std::time::Duration;
use tokio_util::codec::Decoder;

const UPGRADES: [&str; 5] = [
    "Upgrade: websocket\r\n",
    "upgrade:WebSocket\r\nConnection: Upgrade\r\n",
    "Connection: keep-alive, Upgrade\r\nUPGRADE: \twebsocket \r\n",
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP\r\n",
    "connection: upgrade\r\nconnection:\tupgrade ,keep-alive\r\nupgrade: websocket\r\nupgrade: websocket\r\n",
];

#[test]
fn upgrade_is_ignored_and_the_connection_kept() {
    let bridge = Bridge::start();
    for upgrade in UPGRADES {
        let mut client = bridge.connect();
        for body in ["x", "y"] {
            client.send(&post_to(PATH, upgrade, body));
            let answer = client.answer();
            assert_eq!((answer.status, answer.header("connection")), (200, None), "{upgrade}");
        }
    }
    assert_eq!(bridge.accepted().len(), 2 * UPGRADES.len());
}

#[test]
fn client_that_disconnects_within_an_upgrade_frees_everything() {
    let bridge = Bridge::start();
    for upgrade in UPGRADES {
        let mut client = bridge.connect();
        client.send(&post_to(PATH, upgrade, "").replace("length: 0", "length: 2"));
        client.send("x");
        bridge.wait_until(|| bridge.in_flight() == 1);
        drop(client);
        bridge.wait_until(|| bridge.in_flight() == 0 && bridge.connections() == 0);
    }
    assert_eq!(bridge.budget.used(), 0);
}

/// Request in pieces, as a client may write it.
#[derive(Debug, Clone)]
struct Request {
    text: String,
    cuts: Vec<usize>,
}

fn requests() -> impl Strategy<Value = Request> {
    let framing = subsequence(
        vec![
            "Content-Length: 3\r\n",
            "content-LENGTH:3 \r\n",
            "Content-Length: 0\r\n",
            "Content-Length: +3\r\n",
            "Content-Length: 3, 3\r\n",
            "Content-Length : 3\r\n",
            "Transfer-Encoding: chunked\r\n",
            "transfer-encoding: Chunked\r\n",
            "Transfer-Encoding: identity\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
        ],
        0..3,
    );
    let others = subsequence(
        vec![
            UPGRADES[0],
            UPGRADES[1],
            UPGRADES[2],
            UPGRADES[3],
            UPGRADES[4],
            "Connection: close\r\n",
            "Connection: keep-alive\r\n",
            "Expect: 100-continue\r\n",
            "X-Empty:\r\n",
            "X-Folded: a\r\n b\r\n",
            "X-Colons: a:b\r\n",
        ],
        0..3,
    );
    let method = select(vec!["POST", "POST", "POST", "GET", "CONNECT"]);
    let version = select(vec!["HTTP/1.1", "HTTP/1.1", "HTTP/1.0"]);
    let body = select(vec!["abc", "", "3\r\nabc\r\n0\r\n\r\n"]);
    (method, version, framing, others, body, any::<bool>(), prop::collection::vec(0_usize..400, 0..6))
        .prop_map(|(method, version, framing, others, body, framing_first, mut cuts)| {
            let (first, then) = if framing_first { (framing, others) } else { (others, framing) };
            let lines = [first, then].concat().concat();
            let text = format!("{method} {PATH} {version}\r\nHost: a\r\n{lines}\r\n{body}");
            cuts.sort_unstable();
            Request { text, cuts }
        })
}

/// Result of actix's own decoder for a request without `Upgrade`.
#[derive(Debug, PartialEq)]
enum Decoded {
    Whole { body: String, rest: usize, closes: bool },
    Partial,
    Malformed,
}

/// The codec starts a task that updates the date, which needs a local set.
fn decode(text: &str) -> Decoded {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async { decode_plain(text) })
}

fn decode_plain(text: &str) -> Decoded {
    let lines: Vec<&str> = text.split_inclusive("\r\n").collect();
    let kept = lines.iter().filter(|line| !line.to_ascii_lowercase().starts_with("upgrade:"));
    let plain: String = kept
        .map(|line| {
            let is_connection = line.to_ascii_lowercase().starts_with("connection:");
            if is_connection { line.replace("pgrade", "") } else { (*line).to_owned() }
        })
        .collect();
    let (mut codec, mut bytes) = (Codec::default(), BytesMut::from(plain.as_str()));
    let closes = match codec.decode(&mut bytes) {
        Ok(Some(Message::Item(request))) => request.head().connection_type() != ConnectionType::KeepAlive,
        Ok(_) => return Decoded::Partial,
        Err(_) => return Decoded::Malformed,
    };
    let mut body = Vec::new();
    while codec.message_type() != actix_http::h1::MessageType::None {
        match codec.decode(&mut bytes) {
            Ok(Some(Message::Chunk(Some(chunk)))) => body.extend_from_slice(&chunk),
            Ok(Some(_)) => break,
            Ok(None) => return Decoded::Partial,
            Err(_) => return Decoded::Malformed,
        }
    }
    Decoded::Whole { body: String::from_utf8(body).unwrap(), rest: bytes.len(), closes }
}

pub(super) fn send_in_pieces(client: &mut super::kit::Client, text: &str, cuts: &[usize]) {
    let mut sent = 0;
    for cut in cuts.iter().copied().filter(|cut| *cut < text.len()).chain([text.len()]) {
        // The bridge may have closed after the bytes before.
        if cut > sent && client.try_send(&text[sent..cut]).is_err() {
            return;
        }
        sent = cut;
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn every_request_ends_where_actix_ends_it_and_frees_everything() {
    let bridge = Bridge::start();
    let mut runner = TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&requests(), |request| {
        let decoded = decode(&request.text);
        let before = bridge.accepted().len();
        let mut client = bridge.connect();
        let next = post_to(PATH, "connection: close\r\n", "next");
        let is_whole = matches!(&decoded, Decoded::Whole { rest: 0, .. });
        let text = if is_whole { request.text.clone() + &next } else { request.text.clone() };
        send_in_pieces(&mut client, &text, &request.cuts);
        if decoded == Decoded::Partial {
            drop(client);
        } else {
            if matches!(&decoded, Decoded::Whole { rest: 1.., .. }) {
                // The bridge takes the rest for a next head and would wait for its end.
                client.finish();
            }
            let answers = client.try_rest().unwrap_or_default();
            let statuses: Vec<&str> = answers
                .split("HTTP/1.")
                .skip(1)
                .filter_map(|answer| answer.get(2..5))
                .filter(|it| *it != "100")
                .collect();
            if let Decoded::Whole { body, rest: 0, closes } = &decoded
                && request.text.starts_with("POST")
            {
                let expected = if *closes { vec!["200"] } else { vec!["200", "200"] };
                prop_assert_eq!(&statuses, &expected, "{}", answers);
                prop_assert_eq!(&bridge.accepted()[before], &format!("0:{body}"));
            }
            if decoded == Decoded::Malformed {
                prop_assert!(!answers.contains(" 200 "), "{answers}");
            }
            // The bridge reads on until the client closes: see `connections_that_clients_keep_are_freed`.
            drop(client);
        }
        let has_ended = || bridge.in_flight() == 0 && bridge.connections() == 0 && bridge.budget.used() == 0;
        bridge.wait_until(has_ended);
        Ok(())
    });
    outcome.unwrap();
    assert_eq!(bridge.ask(&post("last")).status, 200);
}

/// A client that received its last response need not close its connection.
#[test]
fn connections_that_clients_keep_are_freed() {
    let bridge = Bridge::start_impatient();
    let head = format!("POST {PATH} HTTP/1.1\r\nhost: x\r\n");
    let requests = [
        format!("{head}content-length: +3\r\n\r\nabc"),
        format!("{head}transfer-encoding: identity\r\n\r\n"),
        format!("{head}upgrade: websocket\r\nconnection: upgrade\r\ncontent-length : 3\r\n\r\nabc"),
        chunked() + "zz\r\n",
        post("one") + "BAD\r\n\r\n",
        // The start of a next head.
        post("two") + "abc",
        post_to(PATH, "connection: close\r\n", "three"),
    ];
    let mut kept: Vec<_> = requests
        .iter()
        .map(|request| {
            let mut client = bridge.connect();
            client.send(request);
            client
        })
        .collect();
    let statuses: Vec<_> = kept.iter_mut().map(|client| client.answer().status).collect();
    assert_eq!(statuses, [400, 400, 400, 400, 200, 200, 200]);
    let has_ended = || bridge.in_flight() == 0 && bridge.connections() == 0 && bridge.budget.used() == 0;
    bridge.wait_until(has_ended);
    drop(kept);
}

/// Returns the count of requests that were rejected for a reason.
fn rejected(bridge: &Bridge, reason: &str) -> String {
    let metrics = bridge.metrics();
    let prefix = format!("http_rejected_requests_total{{reason=\"{reason}\"}} ");
    metrics.lines().find_map(|line| line.split_once(&prefix)).map_or("0", |(_, count)| count).to_owned()
}

/// Bridge and actix find the same end, so bytes of a next request are never taken as part of the body.
#[test]
fn chunked_body_ends_where_actix_ends_it() {
    let pieces =
        vec!["0", "3", "a", "f", ";", "x", "abc", "\r\n", "\r\n", "\r", "\n", "\t", " ", "\u{1}", "\u{e4}"];
    let noise = prop::collection::vec(select(pieces), 0..12).prop_map(|pieces| pieces.concat());
    let good = select(vec!["3\r\nabc\r\n", "1;x=y\r\n\n\r\n", "", "0\r\n", "0\r\na: b\r\n"]);
    let mut runner = TestRunner::new(Config { cases: 3000, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&(good, noise, select(vec!["", "0\r\n\r\n", "\r\n"])), |(good, noise, last)| {
        let text = [good, &noise, last].concat();
        let mut body = ChunkedBody::default();
        let taken = body.take(text.as_bytes());
        match decode(&(chunked() + &text)) {
            Decoded::Whole { rest, .. } => {
                prop_assert_eq!((body.has_ended(), taken), (true, text.len() - rest))
            }
            Decoded::Partial => prop_assert!(!body.has_ended() && !body.is_malformed(), "{text:?}"),
            Decoded::Malformed => prop_assert!(body.is_malformed(), "{text:?}"),
        }
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn chunked_framing_above_its_limit_has_one_response_and_is_counted_once() {
    let bridge = Bridge::start();
    let mut client = bridge.connect();
    client.send(&(chunked() + &"1;x=yyyyyyyyyyyyyyyy\r\nx\r\n".repeat(100_000)));
    let answer = client.answer();
    assert_eq!((answer.status, answer.header("connection")), (400, Some("close")));
    assert!(answer.body.contains("problem:endless_chunks"), "{}", answer.body);
    assert!(answer.body.contains("65536 bytes"), "the limit is named: {}", answer.body);
    assert!(client.is_closed());
    bridge.wait_until(|| bridge.in_flight() == 0 && bridge.connections() == 0);
    assert_eq!(rejected(&bridge, "endless_chunks"), "1");
    for other in ["incomplete", "malformed_chunks", "malformed_header"] {
        assert_eq!(rejected(&bridge, other), "0", "{other}");
    }
    let metrics = bridge.metrics();
    let counted = |line: &&str| line.contains("source=\"first\"") && line.contains("status=\"400\"");
    assert!(metrics.lines().find(counted).is_some_and(|line| line.ends_with(" 1")), "{metrics}");
}

#[test]
fn chunked_content_may_hold_any_number_of_empty_lines() {
    let bridge = Bridge::start();
    let body = "\r\n".repeat(LIMIT / 2);
    let mut client = bridge.connect();
    client.send(&format!("{}{}0\r\n\r\n{}", chunked(), chunk(&body), post("next")));
    assert_eq!(client.answer().status, 200);
    assert_eq!(client.answer().status, 200);
    assert_eq!(bridge.accepted(), [format!("0:{body}"), "0:next".to_owned()]);
    assert_eq!(rejected(&bridge, "endless_chunks"), "0");
}

/// RFC 9112, 2.2: empty lines before a request line are ignored.
#[test]
fn empty_lines_before_a_head_are_ignored() {
    let bridge = Bridge::start_impatient();
    let mut client = bridge.connect();
    client.send(&("\r\n".repeat(2000) + &post("one") + "\r\n" + &post("two") + "\r\n"));
    assert_eq!(client.answer().status, 200);
    assert_eq!(client.answer().status, 200);
    // No request has begun, so there is nothing to answer.
    assert!(client.is_closed());
    assert_eq!(bridge.accepted(), ["0:one", "0:two"]);
    assert_eq!(rejected(&bridge, "slow_header"), "0");
}

#[test]
fn client_that_still_sends_receives_the_response_to_its_body() {
    let bridge = Bridge::start();
    let declared = post_to(PATH, "", "").replace("length: 0", "length: 6400000");
    for (request, tag) in [
        (chunked() + "zz\r\n", "malformed_chunks"),
        (chunked() + "ffffff\r\n", "too_large"),
        (declared, "too_large"),
        (chunked().replace(PATH, "/elsewhere"), "unknown_path"),
        (chunked().replace("POST", "PUT"), "method"),
    ] {
        let mut client = bridge.connect();
        client.send(&request);
        for _ in 0..100 {
            client.send(&"x".repeat(64 * 1024));
        }
        let answer = client.answer();
        assert!(answer.body.contains(&format!("problem:{tag}")), "{tag}: {}", answer.body);
    }
    bridge.wait_until(|| bridge.connections() == 0);
    let counts =
        ["malformed_chunks", "too_large", "unknown_path", "method", "incomplete", "malformed_header"];
    assert_eq!(counts.map(|reason| rejected(&bridge, reason)), ["1", "2", "1", "1", "0", "0"]);
}
