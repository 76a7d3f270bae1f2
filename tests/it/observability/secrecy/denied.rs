use super::events::{borrowed, documented, headers};
use super::markers::marker;
use super::trace_level_logs::{FORMATS, VerboseBridge};
use crate::kit::bridge::{PATH, UNSIGNED};
use crate::kit::kafka::Kafka;

#[test]
fn denied_requests_are_never_shown() {
    for format in FORMATS {
        let settings = [
            UNSIGNED,
            "server.max_body_bytes=4 KiB",
            "server.request_timeout=500ms",
            "server.header_timeout=2s",
        ];
        let bridge = VerboseBridge::start(format, Kafka::shared().bootstrap(), &settings, &[]);
        bridge.wait_ready(true);
        unknown_places(&bridge);
        bodies(&bridge);
        broken_http(&bridge);
        bridge.finish();
    }
}

fn unknown_places(bridge: &VerboseBridge) {
    let odd = headers();
    let body = documented();
    let path = |rest: String| bridge.post_with(&rest, &borrowed(&odd), &body);
    assert_eq!(path(format!("/{}", marker("path"))), "404 unknown_path");
    assert_eq!(path(format!("{PATH}/{}", marker("token"))), "404 unknown_path", "no source has a token");
    assert_eq!(
        path(format!("/{}%20%22{}?{}", marker("path"), marker("path"), marker("query"))),
        "404 unknown_path"
    );
    assert_eq!(path(format!("http://{}/{}", marker("authority"), marker("path"))), "404 unknown_path");
    let bare = |method: &str, path: &str| {
        bridge.raw(
            format!("{method} {path} HTTP/1.1\r\nhost: b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .as_bytes(),
        )
    };
    assert_eq!(bare(&marker("METHOD"), PATH), "405 method");
    assert_eq!(bare("DELETE", &format!("{PATH}?{}", marker("query"))), "405 method");
    for page in ["", "metrics", "readyz", "livez"] {
        bridge.get(bridge.admin, &format!("/{page}?{}", marker("query")));
        bridge.get(bridge.admin, &format!("/{page}/{}", marker("path")));
    }
}

fn bodies(bridge: &VerboseBridge) {
    let coded = |coding: &str| bridge.post_with(PATH, &[("content-encoding", coding)], &documented());
    assert_eq!(coded(&marker("coding")), "415 unsupported_encoding");
    assert_eq!(coded(&format!("gzip, {}", marker("coding"))), "415 unsupported_encoding");
    let large = marker("large").repeat(400);
    assert_eq!(bridge.post(large.as_bytes()), "413 too_large");
    let head = format!("POST {PATH}?{} HTTP/1.1\r\nhost: b\r\n", marker("query"));
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n");
    let one = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    assert_eq!(bridge.unfinished(format!("{chunked}{}", one(&large)).as_bytes(), false), "413 too_large");
    let text = marker("chunk");
    for broken in [
        marker("chunksize"),
        format!("{}{}\r\n", one(&text), marker("chunksize")),
        format!("3\r\n{text}\r\n"),
    ] {
        let response = bridge.unfinished(format!("{chunked}{broken}\r\n").as_bytes(), false);
        assert!(["503", "400", "408"].iter().any(|status| response.starts_with(status)), "{response}");
    }
    let promised = format!("{head}content-length: 500\r\n\r\n{}", marker("slow"));
    assert_eq!(bridge.unfinished(promised.as_bytes(), false), "503 too_slow");
    let response = bridge.unfinished(promised.as_bytes(), true);
    assert!(response == "503 incomplete" || response == "closed", "{response}");
}

fn broken_http(bridge: &VerboseBridge) {
    let value = marker("value");
    let head = |rest: &str| format!("POST {PATH} HTTP/1.1\r\nhost: b\r\n{rest}\r\n\r\n");
    let requests = [
        format!("{value}\r\n\r\n"),
        format!("{value} {value} {value}\r\n\r\n"),
        format!("GET /{value} HTTP/{value}\r\n\r\n"),
        format!("GET /{value} HTTP/1.1\r\n\r\n"),
        format!("GET {value} HTTP/1.1\r\nhost: b\r\n\r\n"),
        format!("GET http://[{value} HTTP/1.1\r\nhost: b\r\n\r\n"),
        format!("GET /\u{1}{value} HTTP/1.1\r\nhost: b\r\n\r\n"),
        head(&value.to_string()),
        head(&format!("{value} : {value}")),
        head(&format!("bad\u{1}{value}: {value}")),
        head(&format!("x-{value}: {value}\u{0}")),
        head(&format!("content-length: {value}")),
        head(&format!("content-length: +{value}")),
        head(&format!("content-length: {value}\u{e9}")),
        head(&format!("content-length: 5\r\ncontent-length: {value}")),
        head(&format!("transfer-encoding: {value}")),
        head(&format!("transfer-encoding: chunked, {value}")),
        head(&format!("transfer-encoding: chunked\r\ntransfer-encoding: {value}")),
        head(&format!("host: {value}")),
        head(&format!("connection: upgrade\r\nupgrade: {value}\r\ncontent-length: 0")),
        head(&format!("expect: 100-continue\r\nx-{value}: {value}\r\ncontent-length: 3")),
        head(&format!("x-large: {}", value.repeat(12_000))),
        format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{value}"),
        format!("\u{16}\u{3}\u{1}\u{2}{value}"),
    ];
    for request in &requests {
        bridge.unfinished(request.as_bytes(), true);
    }
    bridge.unfinished(format!("POST {PATH} HTTP/1.1\r\nx-slow: {value}").as_bytes(), false);
    bridge.wait_for_line("parse error");
}
