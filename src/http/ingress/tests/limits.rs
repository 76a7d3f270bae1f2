//! Limits on size, time and memory.

use super::kit::{BUDGET, Bridge, LIMIT, PATH, chunk, chunked, gzip, post, post_to};
use std::time::{Duration, Instant};

#[test]
fn large_declared_length_is_refused_before_the_body() {
    let bridge = Bridge::start();
    let mut client = bridge.connect();
    client.send(&post_to(PATH, "", "").replace("length: 0", &format!("length: {}", LIMIT + 1)));
    let answer = client.answer();
    assert_eq!(answer.status, 413);
    assert!(answer.body.contains("problem:too_large"));
    assert!(client.is_closed());
}

#[test]
fn limit_is_exact_to_the_byte() {
    let bridge = Bridge::start();
    assert_eq!(bridge.ask(&post(&"x".repeat(LIMIT))).status, 200);
    assert_eq!(bridge.ask(&post(&"x".repeat(LIMIT + 1))).status, 413);
    let half = "x".repeat(LIMIT / 2);
    let two = format!("{}{}{}", chunked(), chunk(&half), chunk(&half));
    assert_eq!(bridge.ask(&format!("{two}0\r\n\r\n")).status, 200);
    assert_eq!(bridge.ask(&format!("{two}{}", chunk("x"))).status, 413);
}

#[test]
fn chunks_are_joined_to_one_body() {
    let bridge = Bridge::start();
    let mut client = bridge.connect();
    client.send(&chunked());
    for part in ["one", " ", "two"] {
        client.send(&chunk(part));
        std::thread::sleep(Duration::from_millis(5));
    }
    client.send("0\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    assert_eq!(bridge.accepted(), ["0:one two"]);
    client.send(&post("next"));
    assert_eq!(client.answer().status, 200);
}

#[test]
fn decompression_bomb_is_too_large_and_plain_text_is_accepted() {
    let bridge = Bridge::start();
    for (body, status) in [(gzip(&[b'x'; LIMIT + 1]), 413), (b"{\"plain\":1}".to_vec(), 200)] {
        let mut client = bridge.connect();
        client.post_bytes("content-encoding: gzip\r\n", &body);
        assert_eq!(client.answer().status, status);
        client.send(&post("next"));
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!(bridge.budget.used(), 0);
}

/// This includes a chunked body, which actix itself would read without a limit of time.
#[test]
fn slow_body_is_refused_and_its_connection_closed() {
    let bridge = Bridge::start();
    for start in [post_to(PATH, "", "").replace("length: 0", "length: 9"), chunked() + &chunk("abc")] {
        let since = Instant::now();
        let mut client = bridge.connect();
        client.send(&start);
        let answer = client.answer();
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
        assert!(answer.body.contains("problem:too_slow"));
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(client.is_closed());
        assert!(since.elapsed() < Duration::from_secs(10));
    }
    assert_eq!(bridge.accepted(), [""; 0]);
    assert_eq!(bridge.budget.used(), 0);
}

#[test]
fn slow_header_ends_the_connection() {
    let bridge = Bridge::start_impatient();
    let mut client = bridge.connect();
    client.send("POST / HTTP/1.1\r\nhost:");
    let answer = client.rest();
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 5\r\n"), "{answer}");
    assert!(answer.ends_with(r#""title":"The header did not arrive in time","status":503}"#), "{answer}");
}

#[test]
fn silent_connection_is_closed_without_a_response() {
    let bridge = Bridge::start_impatient();
    assert_eq!(bridge.connect().rest(), "");
}

/// A load balancer's probe does this.
#[test]
fn connection_that_sends_nothing_is_not_a_failed_tls_handshake() {
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let (certificate_file, key_file) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    std::fs::write(&certificate_file, certificate.pem()).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    let bridge = Bridge::try_start(|config| {
        config.tls = crate::http::TlsConfig { certificate: Some(certificate_file), key: Some(key_file) };
    });
    let bridge = bridge.unwrap();
    drop(bridge.connect());
    // Sends nothing until the header's deadline.
    assert_eq!(bridge.connect().rest(), "");
    let count = |number| format!("http_rejected_requests_total{{reason=\"tls_handshake\"}} {number}\n");
    assert!(bridge.metrics().contains(&count(0)), "{}", bridge.metrics());
    let mut client = bridge.connect();
    client.send(&post("no TLS"));
    bridge.wait_until(|| bridge.metrics().contains(&count(1)));
    bridge.wait_until(|| bridge.connections() == 0);
}

#[test]
fn large_header_is_answered_431() {
    let bridge = Bridge::start();
    let mut client = bridge.connect();
    client.send(&format!("POST / HTTP/1.1\r\nx: {}", "x".repeat(140_000)));
    assert_eq!(client.answer().status, 431);
    assert!(bridge.metrics().contains("http_rejected_requests_total{reason=\"large_header\"} 1\n"));
}

#[test]
fn size_limit_of_a_head_is_the_same_in_one_piece_and_in_several() {
    const MAX_HEAD: usize = 16 * 1024;
    let bridge = Bridge::start();
    let rest = |status: u16| if status == 200 { "x" } else { "" };
    for (length, status) in [(MAX_HEAD, 200), (MAX_HEAD + 1, 431), (MAX_HEAD + 3000, 431)] {
        let head = |padding: usize| {
            format!(
                "POST {PATH} HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\nx: {}\r\n\r\n",
                "x".repeat(padding)
            )
        };
        let request = head(length - head(0).len());
        for cuts in [&[][..], &[MAX_HEAD - 2000], &[100, 8000, MAX_HEAD - 1]] {
            let mut client = bridge.connect();
            super::framing::send_in_pieces(&mut client, &(request.clone() + rest(status)), cuts);
            assert_eq!(client.answer().status, status, "{length} bytes, cut at {cuts:?}");
        }
    }
}

#[test]
fn more_than_96_headers_are_answered_431() {
    let bridge = Bridge::start();
    for (count, status) in [(96, 200), (97, 431)] {
        // `host` and `content-length` are two of them.
        let more: String = (2..count).map(|number| format!("x-{number}: 1\r\n")).collect();
        assert_eq!(bridge.ask(&post_to(PATH, &more, "")).status, status, "{count}");
    }
}

#[test]
fn requests_above_the_budget_are_refused_until_memory_is_released() {
    let bridge = Bridge::start();
    let held: Vec<_> = (0..BUDGET / LIMIT)
        .map(|_| {
            let mut client = bridge.connect();
            client.send(&post_to(PATH, "", "").replace("length: 0", &format!("length: {LIMIT}")));
            client.send(&"x".repeat(LIMIT - super::super::REQUEST_OVERHEAD - 1000));
            client
        })
        .collect();
    bridge.wait_until(|| bridge.budget.used() > BUDGET - LIMIT);
    let answer = bridge.ask(&post(&"y".repeat(LIMIT)));
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
    assert!(answer.body.contains("problem:over_budget"));
    drop(held);
    bridge.wait_until(|| bridge.budget.used() == 0);
    assert_eq!(bridge.ask(&post(&"y".repeat(LIMIT))).status, 200);
}

#[test]
fn requests_without_a_body_count_against_the_budget() {
    let bridge = Bridge::start();
    let mut clients: Vec<_> =
        (0..=BUDGET / super::super::REQUEST_OVERHEAD).map(|_| bridge.connect()).collect();
    for client in &mut clients {
        client.send(&post("slow"));
    }
    let refused =
        clients.iter_mut().map(|client| client.answer().status).filter(|status| *status == 503).count();
    assert!((1..clients.len()).contains(&refused), "{refused} of {}", clients.len());
    assert_eq!(bridge.budget.used(), 0);
}

/// actix's own timer covers only the first header of a connection.
#[test]
fn slow_later_header_ends_the_connection() {
    let bridge = Bridge::start_impatient();
    let mut client = bridge.connect();
    client.send(&post("first"));
    assert_eq!(client.answer().status, 200);
    client.send("P");
    assert!(client.rest().starts_with("HTTP/1.1 503 "));
    assert!(bridge.metrics().contains("http_rejected_requests_total{reason=\"slow_header\"} 1\n"));
}

#[test]
fn pipelined_requests_are_processed_one_at_a_time() {
    let bridge = Bridge::start();
    let mut client = bridge.connect();
    let get = format!("GET {PATH} HTTP/1.1\r\nhost: b\r\n\r\n");
    let chunks = format!("{}{}0\r\n\r\n", chunked(), chunk("two"));
    client.send(&[post("slow"), post("one"), chunks, get, post("three")].concat());
    bridge.wait_until(|| bridge.in_flight() == 1);
    assert_eq!(bridge.accepted(), [""; 0]);
    for _ in 0..5 {
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!(bridge.accepted(), ["0:slow", "0:one", "0:two", "0:three"]);
}

#[test]
fn client_that_reads_no_responses_is_disconnected() {
    let bridge = Bridge::start();
    let client = bridge.connect();
    assert!(client.sends_until_cut(&format!("GET {PATH} HTTP/1.1\r\nhost: b\r\n\r\n").repeat(100)));
}

#[test]
fn slow_body_is_cut_when_more_than_half_of_the_budget_is_used() {
    let bridge = Bridge::try_start(|config| {
        config.request_timeout = Duration::from_secs(600);
        config.max_in_flight = BUDGET;
    });
    let bridge = bridge.unwrap();
    let slow = || {
        let mut client = bridge.connect();
        client.send(&post_to(PATH, "", "").replace("length: 0", &format!("length: {LIMIT}")));
        client.send(&"x".repeat(LIMIT / 2));
        client
    };
    let _clients: Vec<_> = (0..BUDGET / LIMIT).map(|_| slow()).collect();
    bridge.wait_until(|| bridge.budget.used() > BUDGET / 2);
    bridge.wait_until(|| bridge.budget.used() <= BUDGET / 2);
    assert!(bridge.metrics().contains("too_slow"));
}

#[test]
fn chunked_body_that_is_mostly_framing_is_cut() {
    let bridge = Bridge::start();
    for start in ["1;".to_owned() + &"x".repeat(200_000), chunk("\n").repeat(3000)] {
        let mut client = bridge.connect();
        client.send(&chunked());
        // Cut within the body, or after it.
        let _ = client.try_send(&start);
        let answer = client.try_rest().unwrap_or_default();
        assert!(!answer.contains("200 OK"));
        assert_eq!(bridge.accepted(), [""; 0]);
    }
    bridge.wait_until(|| bridge.in_flight() == 0);
    assert_eq!(bridge.budget.used(), 0);
    let counted = bridge.metrics();
    assert!(!counted.contains("http_rejected_requests_total{reason=\"endless_chunks\"} 0\n"), "{counted}");
}
