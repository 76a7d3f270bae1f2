//! Raw bytes to a real server, whose ingest acts on keywords in the body.

mod framing;
mod kit;
mod limits;
mod stopping;

use crate::ingest::DeadLetterAnswer;
use justcall_events::signature::Headers;
use kit::{Bridge, PATH, TOKEN, chunked, gzip, post, post_to};

#[test]
fn event_is_answered_with_its_id() {
    let bridge = Bridge::start();
    let answer = bridge.ask(&post("one"));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.body, format!(r#"{{"id":"{}","outcome":"acked"}}"#, kit::id("one")));
    assert_eq!(bridge.accepted(), ["0:one"]);
}

#[test]
fn pipelined_requests_are_answered_in_order_on_one_connection() {
    let bridge = Bridge::start();
    let mut client = bridge.connect();
    client.send(&[post("one"), post("two"), post("three")].concat());
    for body in ["one", "two", "three"] {
        assert!(client.answer().body.contains(&kit::id(body)));
    }
    client.send(&post("four"));
    assert!(client.answer().body.contains(&kit::id("four")));
}

#[test]
fn trailing_slash_is_ignored() {
    let bridge = Bridge::start();
    assert_eq!(bridge.ask(&post_to(&format!("{PATH}/"), "", "one")).status, 200);
    assert_eq!(bridge.ask(&post_to(&format!("{PATH}//"), "", "two")).status, 404);
    assert_eq!(bridge.ask(&post_to("/second", "", "three")).status, 200);
    assert_eq!(bridge.ask(&post_to("/second?a=b", "", "four")).status, 200);
    assert_eq!(bridge.accepted(), ["0:one", "1:three", "1:four"]);
}

#[test]
fn get_and_head_are_probes() {
    let bridge = Bridge::start();
    let got = bridge.ask(&format!("GET {PATH} HTTP/1.1\r\nhost: x\r\n\r\n"));
    assert_eq!((got.status, got.body.as_str()), (200, r#"{"outcome":"probe"}"#));
    let mut client = bridge.connect();
    client.send(&format!("HEAD {PATH} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"));
    let whole = client.rest();
    assert!(whole.starts_with("HTTP/1.1 200 OK\r\n"), "{whole}");
    assert!(whole.ends_with("\r\n\r\n"), "a HEAD has no body: {whole}");
    assert_eq!(bridge.accepted(), [""; 0]);
    assert!(bridge.metrics().contains(r#"events_total{type="other",outcome="probe"} 2"#));
}

#[test]
fn unknown_paths_methods_and_encodings_are_rejected_and_counted() {
    let bridge = Bridge::start();
    assert_eq!(bridge.ask(&post_to("/webhooks", "", "x")).status, 404);
    assert_eq!(bridge.ask(&post_to("/", "", "x")).status, 404);
    let method = bridge.ask(&format!("DELETE {PATH} HTTP/1.1\r\nhost: x\r\n\r\n"));
    assert_eq!((method.status, method.header("allow")), (405, Some("GET, HEAD, POST")));
    let coding = bridge.ask(&post_to(PATH, "content-encoding: br\r\n", "x"));
    assert_eq!((coding.status, coding.header("accept-encoding")), (415, Some("gzip, deflate, identity")));
    assert_eq!(bridge.accepted(), [""; 0]);
    let metrics = bridge.metrics();
    for line in
        [r#"{reason="unknown_path"} 2"#, r#"{reason="method"} 1"#, r#"{reason="unsupported_encoding"} 1"#]
    {
        assert!(metrics.contains(&format!("http_rejected_requests_total{line}")), "{line} in {metrics}");
    }
}

#[test]
fn content_type_is_ignored_and_empty_body_is_accepted() {
    let bridge = Bridge::start();
    assert_eq!(bridge.ask(&post_to(PATH, "content-type: text/html\r\n", "one")).status, 200);
    assert_eq!(bridge.ask(&post("")).body, r#"{"outcome":"probe"}"#);
}

#[test]
fn compressed_body_is_decoded() {
    let bridge = Bridge::start();
    let mut client = bridge.connect();
    client.post_bytes("content-encoding: gzip\r\n", &gzip(b"one"));
    assert_eq!(client.answer().status, 200);
    assert_eq!(bridge.accepted(), ["0:one"]);
}

#[test]
fn signature_headers_are_unchanged_and_only_a_valid_traceparent_is_used() {
    let bridge = Bridge::start();
    let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = format!(
        "X-JustCall-Request-Timestamp: 2024-03-21 17:08:22\r\nx-justcall-signature-version: v1\r\n\
         x-justcall-signature: ab\r\nX-JUSTCALL-SIGNATURE: cd\r\ntraceparent: {good}\r\n"
    );
    bridge.ask(&post_to(PATH, &headers, "headers"));
    bridge.ask(&post_to(PATH, "traceparent: 00-xyz\r\n", "headers"));
    bridge.ask(&post_to(PATH, &format!("traceparent: {good}\r\nTraceparent: {good}\r\n"), "headers"));
    let signature = Headers {
        // A list is not a valid signature, so a valid one cannot hide an invalid one.
        signature: Some("ab, cd".into()),
        version: Some("v1".into()),
        timestamp: Some("2024-03-21 17:08:22".into()),
    };
    let none = Headers::default();
    let expected = [
        format!("0:headers {signature:?} {:?}", Some(good)),
        format!("0:headers {none:?} {:?}", None::<&str>),
        format!("0:headers {none:?} {:?}", None::<&str>),
    ];
    assert_eq!(bridge.accepted(), expected);
}

#[test]
fn token_is_read_from_authorization_or_from_the_path() {
    let bridge = Bridge::start();
    let bearer = format!("authorization: bEARER {TOKEN}\r\n");
    for (path, headers) in [
        ("/second", bearer.as_str()),
        (&format!("/second/{TOKEN}"), ""),
        (&format!("/second/{TOKEN}/"), ""),
        ("/second/", ""),
        ("/second/", "authorization: Basic eDp5\r\n"),
        ("/second/other", bearer.as_str()),
    ] {
        assert_eq!(bridge.ask(&post_to(path, headers, "token")).status, 200, "{path}");
    }
    let expected = [Some(TOKEN), Some(TOKEN), Some(TOKEN), None, None, Some("other")];
    assert_eq!(bridge.accepted(), expected.map(|token| format!("1:token {token:?}")));
    assert_eq!(bridge.ask(&post_to(&format!("{PATH}/{TOKEN}"), "", "token")).status, 404);
    assert_eq!(bridge.ask(&post_to(&format!("/second/{TOKEN}/more"), "", "token")).status, 404);
}

#[test]
fn event_continues_after_its_client_disconnects() {
    let bridge = Bridge::start();
    let mut client = bridge.connect();
    client.send(&format!("GET {PATH} HTTP/1.1\r\nhost: x\r\n\r\n{}", post("slow")));
    client.wait_for_unread_bytes();
    // A close with unread bytes resets the connection, and actix drops the request at once.
    drop(client);
    bridge.wait_for("0:slow");
}

#[test]
fn panic_is_answered_503_and_the_next_request_succeeds() {
    let bridge = Bridge::start();
    let mut client = bridge.connect();
    client.send(&post("panic"));
    let answer = client.answer();
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
    assert!(answer.body.contains("problem:internal"));
    client.send(&post("one"));
    assert_eq!(client.answer().status, 200);
    assert!(bridge.metrics().contains("in_flight_requests 0"));
}

#[test]
fn malformed_http_ends_the_connection_and_is_not_accepted() {
    let bridge = Bridge::start();
    assert_eq!(bridge.ask("POST\r\n\r\n").status, 400);
    let mut client = bridge.connect();
    client.send(&format!("{}zz\r\n", chunked()));
    assert!(client.answer().body.contains("problem:malformed_chunks"));
    assert!(client.is_closed());
    assert_eq!(bridge.accepted(), [""; 0]);
}

#[test]
fn invalid_heads_are_answered_with_a_problem() {
    let bridge = Bridge::start();
    let many: String = (0..120).map(|n| format!("x-{n}: 1\r\n")).collect();
    let body = "content-length: 2\r\n\r\n{}";
    for (head, tag) in [
        ("POST\r\n\r\n".to_owned(), "malformed_header"),
        (format!("POST {PATH} HTTP/9.9\r\nhost: x\r\n{body}"), "malformed_header"),
        (format!("POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 1, 2\r\n{body}"), "malformed_header"),
        (format!("POST {PATH} HTTP/1.1\r\nhost: x\r\nno colon\r\n{body}"), "malformed_header"),
        (format!("POST {PATH} HTTP/1.1\r\nhost: \u{1}\r\n{body}"), "malformed_header"),
        (format!("POST {PATH} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n"), "malformed_header"),
        (format!("POST {PATH} HTTP/1.1\r\nhost: x\r\n{many}{body}"), "large_header"),
    ] {
        for before in ["", "HTTP/1.1", "HTTP/1.0"] {
            let mut client = bridge.connect();
            if !before.is_empty() {
                client.send(
                    &post("one").replace("HTTP/1.1\r\n", &format!("{before}\r\nconnection: keep-alive\r\n")),
                );
                assert_eq!(client.answer().status, 200);
            }
            client.send(&head);
            let answer = client.answer();
            let status = if tag == "large_header" { 431 } else { 400 };
            assert_eq!(
                (answer.status, answer.header("content-type")),
                (status, Some("application/problem+json")),
                "{head}"
            );
            assert!(answer.body.contains(&format!("problem:{tag}")), "{head}: {}", answer.body);
            assert!(client.is_closed(), "{head}");
        }
    }
    bridge.wait_until(|| bridge.budget.used() == 0);
}

#[test]
fn client_that_still_sends_receives_the_response_to_its_head() {
    let bridge = Bridge::start();
    for head in ["content-length: x\r\n\r\n".to_owned(), format!("x: {}\r\n\r\n", "x".repeat(30_000))] {
        let mut client = bridge.connect();
        client.send(&format!("POST {PATH} HTTP/1.1\r\nhost: x\r\n{head}"));
        // More than all buffers together hold.
        for _ in 0..100 {
            client.send(&"x".repeat(64 * 1024));
        }
        assert!([400, 431].contains(&client.answer().status));
        drop(client);
    }
    // Each is counted once, although more bytes were read and dropped.
    for tag in ["malformed_header", "large_header"] {
        let line = format!("http_rejected_requests_total{{reason=\"{tag}\"}} 1\n");
        bridge.wait_until(|| bridge.metrics().contains(&line));
    }
}

#[test]
fn ended_connection_has_one_response() {
    let bridge = Bridge::start();
    let mut client = bridge.connect();
    client.send(&(chunked() + &"1;x=yyyyyyyyyyyyyyyy\r\nx\r\n".repeat(100_000)));
    let answer = client.answer();
    assert!(answer.body.contains("problem:endless_chunks"), "{}", answer.body);
    assert!(client.is_closed(), "there is another answer");
}

#[test]
fn response_to_a_rejected_event_is_configurable() {
    let problem = Bridge::start().ask(&post("reject"));
    assert_eq!(problem.status, 400);
    assert_eq!(problem.header("content-type"), Some("application/problem+json"));
    let ok = Bridge::start_with(|_| (), DeadLetterAnswer::Ok).unwrap().ask(&post("reject"));
    assert_eq!(ok.status, 200);
    assert!(ok.body.contains(r#""outcome":"dead_lettered""#));
}

#[test]
fn error_names_an_address_in_use() {
    let bridge = Bridge::start();
    let error = Bridge::try_start(|config| config.listen = bridge.addr).err().unwrap();
    assert!(error.to_string().contains(&bridge.addr.to_string()), "{error}");
}

#[test]
fn escaped_unreserved_characters_are_decoded_in_path_and_token() {
    let bridge = Bridge::start();
    assert_eq!(bridge.ask(&post_to("/webhooks%2Djustcall", "", "x")).status, 404);
    assert_eq!(bridge.ask(&post_to("/w%65bhooks/just%63all", "", "one")).status, 200);
    assert_eq!(bridge.ask(&post_to("/%73econd/%30123456789abcde%66", "", "token")).status, 200);
    assert_eq!(bridge.accepted(), ["0:one".to_owned(), format!("1:token {:?}", Some(TOKEN))]);
}

/// More would be work for any client.
#[test]
fn body_without_a_token_is_read_only_up_to_the_size_of_a_probe() {
    let bridge = Bridge::start();
    let large = "x".repeat(5000);
    let in_chunks = format!(
        "POST /second HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1388\r\n{large}\r\n0\r\n\r\n"
    );
    let announced = "POST /second HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n";
    let compressed = post_to("/second", "content-encoding: gzip\r\n", "never decoded");
    for request in [&post_to("/second", "", &large), &in_chunks, announced, &compressed] {
        let answer = bridge.ask(request);
        assert_eq!(answer.status, 401, "{request}");
        assert!(answer.body.contains(":problem:token"), "{}", answer.body);
    }
    assert_eq!(bridge.accepted(), Vec::<String>::new());
    let compressed = post_to("/second", "content-encoding: gzip\r\n", "");
    for probe in [&compressed, &post_to("/second", "", "")] {
        assert_eq!(bridge.ask(probe).status, 200, "{probe}");
    }
    bridge.wait_until(|| bridge.budget.used() == 0);
}

#[test]
fn malformed_chunks_are_a_bad_request() {
    let bridge = Bridge::start();
    for broken in ["zz\r\n", "3\r\nabcde\r\n0\r\n\r\n"] {
        let answer = bridge.ask(&(chunked() + broken));
        assert_eq!((answer.status, answer.header("content-type")), (400, Some("application/problem+json")));
        assert!(answer.body.contains("problem:malformed_chunks"), "{}", answer.body);
    }
    assert_eq!(bridge.budget.used(), 0);
}
