//! Raw bytes over loopback against a real server and an ingest that does what the body says.

mod framing;
mod kit;
mod limits;
mod stopping;

use crate::ingest::DeadLetterAnswer;
use justcall_events::signature::Headers;
use kit::{Bridge, PATH, TOKEN, chunked, gzip, post, post_to};

#[test]
fn an_event_is_answered_with_its_identity() {
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
fn a_trailing_slash_is_the_same_path() {
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
fn unknown_paths_methods_and_codings_are_turned_away_and_counted() {
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
        assert!(metrics.contains(&format!("http_turned_away_total{line}")), "{line} in {metrics}");
    }
}

#[test]
fn content_type_is_not_judged_and_an_empty_body_is_for_ingest_to_judge() {
    let bridge = Bridge::start();
    assert_eq!(bridge.ask(&post_to(PATH, "content-type: text/html\r\n", "one")).status, 200);
    assert_eq!(bridge.ask(&post("")).body, r#"{"outcome":"probe"}"#);
}

#[test]
fn a_compressed_body_arrives_decoded() {
    let bridge = Bridge::start();
    let mut client = bridge.connect();
    client.post_bytes("content-encoding: gzip\r\n", &gzip(b"one"));
    assert_eq!(client.answer().status, 200);
    assert_eq!(bridge.accepted(), ["0:one"]);
}

#[test]
fn signature_headers_pass_as_they_come_and_a_traceparent_only_if_well_formed() {
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
        // A list is no signature, so that nobody can hide a bad one behind a good one.
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
fn a_token_comes_as_bearer_or_behind_the_path_of_a_source_that_takes_one() {
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
fn a_client_that_hangs_up_cuts_nothing_off() {
    let bridge = Bridge::start();
    let mut client = bridge.connect();
    client.send(&format!("GET {PATH} HTTP/1.1\r\nhost: x\r\n\r\n{}", post("slow")));
    client.wait_for_unread_bytes();
    // Closing with unread bytes resets the connection: actix drops the request at once.
    drop(client);
    bridge.wait_for("0:slow");
}

#[test]
fn a_panic_is_answered_503_and_the_next_request_works() {
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
fn heads_that_are_not_http_are_answered_with_a_problem() {
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
fn client_that_still_sends_sees_why_its_head_is_refused() {
    let bridge = Bridge::start();
    for head in ["content-length: x\r\n\r\n".to_owned(), format!("x: {}\r\n\r\n", "x".repeat(30_000))] {
        let mut client = bridge.connect();
        client.send(&format!("POST {PATH} HTTP/1.1\r\nhost: x\r\n{head}"));
        // More than any buffer on the way holds.
        for _ in 0..100 {
            client.send(&"x".repeat(64 * 1024));
        }
        assert!([400, 431].contains(&client.answer().status));
        drop(client);
    }
    // Once each, however often the rest was read and dropped.
    for tag in ["malformed_header", "large_header"] {
        let line = format!("http_turned_away_total{{reason=\"{tag}\"}} 1\n");
        bridge.wait_until(|| bridge.metrics().contains(&line));
    }
}

#[test]
fn connection_that_was_ended_has_one_answer() {
    let bridge = Bridge::start();
    let mut client = bridge.connect();
    client.send(&(chunked() + &"1;x=yyyyyyyyyyyyyyyy\r\nx\r\n".repeat(100_000)));
    let answer = client.answer();
    assert!(answer.body.contains("problem:endless_chunks"), "{}", answer.body);
    assert!(client.is_closed(), "there is another answer");
}

#[test]
fn a_rejected_sender_hears_what_the_operator_chose() {
    let problem = Bridge::start().ask(&post("reject"));
    assert_eq!(problem.status, 400);
    assert_eq!(problem.header("content-type"), Some("application/problem+json"));
    let ok = Bridge::start_with(|_| (), DeadLetterAnswer::Ok).unwrap().ask(&post("reject"));
    assert_eq!(ok.status, 200);
    assert!(ok.body.contains(r#""outcome":"dead_lettered""#));
}

#[test]
fn an_address_in_use_is_named() {
    let bridge = Bridge::start();
    let error = Bridge::try_start(|config| config.listen = bridge.addr).err().unwrap();
    assert!(error.to_string().contains(&bridge.addr.to_string()), "{error}");
}

#[test]
fn escaped_unreserved_characters_are_the_same_path_and_token() {
    let bridge = Bridge::start();
    assert_eq!(bridge.ask(&post_to("/webhooks%2Djustcall", "", "x")).status, 404);
    assert_eq!(bridge.ask(&post_to("/w%65bhooks/just%63all", "", "one")).status, 200);
    assert_eq!(bridge.ask(&post_to("/%73econd/%30123456789abcde%66", "", "token")).status, 200);
    assert_eq!(bridge.accepted(), ["0:one".to_owned(), format!("1:token {:?}", Some(TOKEN))]);
}

/// Reading and decoding is work that nobody may ask for without a token, but for what a probe needs.
#[test]
fn body_without_its_token_is_read_no_further_than_a_probe() {
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
fn chunks_that_are_not_http_are_a_bad_request() {
    let bridge = Bridge::start();
    for broken in ["zz\r\n", "3\r\nabcde\r\n0\r\n\r\n"] {
        let answer = bridge.ask(&(chunked() + broken));
        assert_eq!((answer.status, answer.header("content-type")), (400, Some("application/problem+json")));
        assert!(answer.body.contains("problem:malformed_chunks"), "{}", answer.body);
    }
    assert_eq!(bridge.budget.used(), 0);
}
