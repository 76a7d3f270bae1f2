use crate::kit::bridge::{Bridge, PATH};
use crate::kit::http::{self, Connection, Response};
use crate::kit::kafka::Kafka;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use std::io::Write;

const LIMIT: usize = 64 * 1024;

/// Status, and the last part of the problem's `type` or the outcome of a success.
type Expected = (u16, &'static str);

const NOT_JSON: Expected = (400, "not_json");
const NO_ENVELOPE: Expected = (400, "not_an_envelope");
const AMBIGUOUS: Expected = (400, "ambiguous_dialect");
const ACKED: Expected = (200, "acked");
const PROBE: Expected = (200, "probe");

fn bridge() -> Bridge {
    Bridge::serve(
        Kafka::shared().bootstrap(),
        &[&format!("server.max_body_bytes={LIMIT}"), "server.request_timeout=1s", "server.header_timeout=1s"],
    )
}

fn summary(response: &Response) -> (u16, String) {
    let json = response.json();
    let tag = if response.status == 200 {
        assert_eq!(response.header("content-type"), Some("application/json"));
        json["outcome"].as_str().expect("an outcome").to_owned()
    } else {
        assert_eq!(response.header("content-type"), Some("application/problem+json"));
        assert_eq!(json["status"], response.status, "{json}");
        let tag =
            json["type"].as_str().and_then(|uri| uri.strip_prefix("urn:justcall-kafka-bridge:problem:"));
        tag.expect("a problem type").to_owned()
    };
    (response.status, tag)
}

fn check(bridge: &Bridge, cases: &[(&str, Vec<u8>, Expected)]) {
    let mut wrong = Vec::new();
    for (name, body, (status, tag)) in cases {
        let response = http::post(bridge.ingress, PATH, &[("connection", "close")], body).expect(name);
        if summary(&response) != (*status, (*tag).to_owned()) {
            wrong.push(format!(
                "{name}: expected {status} {tag}, got {} {}",
                response.status,
                response.text()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_valid_event_is_accepted(bridge);
}

fn assert_valid_event_is_accepted(bridge: &Bridge) {
    let response = bridge.post(&valid());
    assert_eq!(summary(&response), (200, "acked".to_owned()));
}

fn valid() -> Vec<u8> {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    call(&format!(r#""call_id":"call_good{number}""#))
}

fn call(data: &str) -> Vec<u8> {
    documented("call.completed", data)
}

fn documented(event_type: &str, data: &str) -> Vec<u8> {
    format!(r#"{{"event":"{event_type}","timestamp":"2026-03-12T14:30:00Z","data":{{{data}}}}}"#).into_bytes()
}

fn live(event_type: &str, data: &str) -> Vec<u8> {
    format!(
        r#"{{"request_id":"01KG5S8Z6R4PBD5EV1J1T6XN0C","webhook_url":"https://x.example/h","type":"{event_type}","data":{{{data}}}}}"#
    )
    .into_bytes()
}

#[test]
fn bodies_without_an_envelope_are_rejected() {
    let whole = r#"{"event":"call.completed","timestamp":"2026-03-12T14:30:00Z","data":{"call_id":"c"}}"#;
    let text = |text: &str| text.as_bytes().to_vec();
    let mut cases = vec![
        ("empty", vec![], PROBE),
        ("only white space", text(" \r\n\t "), PROBE),
        ("envelope without data", text(r#"{"event":"call.completed","timestamp":"x"}"#), PROBE),
        ("live envelope without data", text(r#"{"type":"call.completed"}"#), PROBE),
        ("one byte short", text(&whole[..whole.len() - 1]), NOT_JSON),
        ("half", text(&whole[..whole.len() / 2]), NOT_JSON),
        ("one byte too many", text(&format!("{whole}}}")), NOT_JSON),
        ("two events", text(&format!("{whole}\n{whole}")), NOT_JSON),
        ("trailing NUL", text(&format!("{whole}\0")), NOT_JSON),
        ("leading NUL", text(&format!("\0{whole}")), NOT_JSON),
        ("raw NUL in a string", text(&whole.replace("\"c\"", "\"c\0\"")), NOT_JSON),
        ("byte order mark", text(&format!("\u{feff}{whole}")), NOT_JSON),
        ("form", text("event=call.completed&data=1"), NOT_JSON),
        ("XML", text("<event/>"), NOT_JSON),
        ("single quotes", text("{'event':'call.completed'}"), NOT_JSON),
        ("trailing comma", text(r#"{"event":"call.completed","data":{"call_id":"c"},}"#), NOT_JSON),
        ("NaN", text(r#"{"event":"call.completed","data":{"duration":NaN}}"#), NOT_JSON),
        ("leading zero", text(r#"{"event":"call.completed","data":{"duration":01}}"#), NOT_JSON),
        ("null", text("null"), NO_ENVELOPE),
        ("number", text("42"), NO_ENVELOPE),
        ("string", text("\"call.completed\""), NO_ENVELOPE),
        ("array", text(&format!("[{whole}]")), NO_ENVELOPE),
        ("empty object", text("{}"), NO_ENVELOPE),
        ("no type", text(r#"{"timestamp":"x","data":{}}"#), NO_ENVELOPE),
        ("type is a number", text(r#"{"event":7,"data":{}}"#), NO_ENVELOPE),
        ("type is null", text(r#"{"event":null,"data":{}}"#), NO_ENVELOPE),
        ("type is empty", text(r#"{"event":"","data":{}}"#), NO_ENVELOPE),
        ("type has a control character", text(r#"{"event":"a\u0007b","data":{}}"#), NO_ENVELOPE),
        ("type has NUL", text(r#"{"event":"a\u0000","data":{}}"#), NO_ENVELOPE),
        ("type is half a surrogate pair", text(r#"{"event":"\ud800","data":{}}"#), NO_ENVELOPE),
        ("data is null", text(r#"{"event":"call.completed","data":null}"#), NO_ENVELOPE),
        ("data is an array", text(r#"{"event":"call.completed","data":[]}"#), NO_ENVELOPE),
        ("data is a string", text(r#"{"event":"call.completed","data":"{}"}"#), NO_ENVELOPE),
        ("event twice", text(&whole.replacen('{', r#"{"event":"call.missed","#, 1)), NO_ENVELOPE),
        ("data twice", text(&whole.replacen('{', r#"{"data":{},"#, 1)), NO_ENVELOPE),
        ("both dialects", text(&whole.replacen('{', r#"{"type":"call.completed","#, 1)), AMBIGUOUS),
        ("both dialects, one null", text(&whole.replacen('{', r#"{"type":null,"#, 1)), AMBIGUOUS),
        ("100 000 open brackets", vec![b'['; 60_000], NOT_JSON),
    ];
    let mut invalid = whole.as_bytes().to_vec();
    let at = whole.find("\"c\"").expect("the id") + 1;
    invalid[at] = 0xff;
    cases.push(("not UTF-8", invalid, NOT_JSON));
    let long = "x".repeat(257);
    cases.push(("type of 257 bytes", text(&format!(r#"{{"event":"{long}","data":{{}}}}"#)), NO_ENVELOPE));
    assert!(cases.len() >= 38);
    check(&bridge(), &cases);
}

#[test]
fn deep_nesting_and_odd_values_in_unknown_fields_are_accepted() {
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let cases = vec![
        ("deep unknown field", call(&format!(r#""call_id":"deep","x":{deep}"#)), ACKED),
        (
            "huge unknown number",
            call(r#""call_id":"huge","x":1e999999,"y":-123456789012345678901234567890"#),
            ACKED,
        ),
        ("unknown field twice", call(r#""call_id":"twice","x":1,"x":2"#), ACKED),
        ("half a surrogate pair in an unknown field", call(r#""call_id":"half","x":"\ud800""#), ACKED),
        ("NUL in an unknown field", call(r#""call_id":"nul","x":"\u0000""#), ACKED),
    ];
    check(&bridge(), &cases);
}

#[test]
fn violations_are_reported_with_their_pointer() {
    let bridge = bridge();
    let times = |timestamp: &str| {
        format!(r#"{{"event":"call.completed","timestamp":{timestamp},"data":{{"call_id":"c"}}}}"#)
            .into_bytes()
    };
    let with = |event_type: &str, id: &str, field: &str| documented(event_type, &format!("{id},{field}"));
    let on_call = |field: &str| with("call.completed", r#""call_id":"c""#, field);
    let on_missed = |field: &str| with("call.missed", r#""call_id":"c""#, field);
    let on_answered = |field: &str| with("call.answered", r#""call_id":"c""#, field);
    let on_sms = |field: &str| with("sms.received", r#""message_id":"m""#, field);
    let on_sent = |field: &str| with("sms.sent", r#""message_id":"m""#, field);
    let on_delivered = |field: &str| with("sms.delivered", r#""message_id":"m""#, field);
    let on_voicemail = |field: &str| with("voicemail.received", r#""call_id":"c""#, field);
    let on_contact = |field: &str| with("contact.created", r#""contact_id":1"#, field);
    let on_updated = |field: &str| with("contact.updated", r#""contact_id":1"#, field);
    let cases: Vec<(Vec<u8>, &str, &str)> = vec![
        (times("null"), "/timestamp", "null"),
        (times("1773325800"), "/timestamp", "number"),
        (times("\"yesterday\""), "/timestamp", "string"),
        (times("\"2026-03-12\""), "/timestamp", "string"),
        (times("\"2026-02-30T00:00:00Z\""), "/timestamp", "string"),
        (times("\"2026-03-12T14:30:00\""), "/timestamp", "string"),
        (br#"{"event":"call.completed","data":{"call_id":"c"}}"#.to_vec(), "/timestamp", "missing"),
        (call(""), "/data/call_id", "missing"),
        (call(r#""call_id":null"#), "/data/call_id", "null"),
        (call(r#""call_id":"""#), "/data/call_id", "string"),
        (call(r#""call_id":7"#), "/data/call_id", "number"),
        (call(r#""call_id":{}"#), "/data/call_id", "object"),
        (call(r#""call_id":"a","call_id":"b""#), "/data/call_id", "string"),
        (call(&format!(r#""call_id":"{}""#, "x".repeat(257))), "/data/call_id", "string"),
        (on_call(r#""direction":1"#), "/data/direction", "number"),
        (on_call(r#""from":14155550123"#), "/data/from", "number"),
        (on_call(r#""to":["+14155550123"]"#), "/data/to", "array"),
        (on_call(r#""agent_id":"42""#), "/data/agent_id", "string"),
        (on_call(r#""agent_id":4.2"#), "/data/agent_id", "number"),
        (on_call(r#""agent_name":false"#), "/data/agent_name", "boolean"),
        (on_call(r#""duration":-1"#), "/data/duration", "number"),
        (on_call(r#""duration":1.5"#), "/data/duration", "number"),
        (on_call(r#""duration":1e999"#), "/data/duration", "number"),
        (on_call(r#""duration":123456789012345678901234567890"#), "/data/duration", "number"),
        (on_call(r#""duration":"185""#), "/data/duration", "string"),
        (on_call(r#""duration":1,"duration":2"#), "/data/duration", "number"),
        (on_call(r#""status":{}"#), "/data/status", "object"),
        (on_call(r#""recording_url":0"#), "/data/recording_url", "number"),
        (on_call(r#""notes":[]"#), "/data/notes", "array"),
        (on_call(r#""notes":"\udead""#), "/data/notes", "string"),
        (on_call(r#""disposition":true"#), "/data/disposition", "boolean"),
        (on_missed(r#""ring_duration":"30""#), "/data/ring_duration", "string"),
        (on_missed(r#""agent_id":{}"#), "/data/agent_id", "object"),
        (on_answered(r#""agent_name":9"#), "/data/agent_name", "number"),
        (on_sms(r#""body":null,"media_url":{}"#), "/data/media_url", "object"),
        (on_sms(r#""body":12"#), "/data/body", "number"),
        (on_sent(r#""agent_id":true"#), "/data/agent_id", "boolean"),
        (on_delivered(r#""delivered_at":1773326164"#), "/data/delivered_at", "number"),
        (on_delivered(r#""status":1"#), "/data/status", "number"),
        (on_voicemail(r#""duration":null,"transcription":[]"#), "/data/transcription", "array"),
        (on_voicemail(r#""recording_url":false"#), "/data/recording_url", "boolean"),
        (documented("contact.created", r#""contact_id":0"#), "/data/contact_id", "number"),
        (documented("contact.created", r#""contact_id":-5"#), "/data/contact_id", "number"),
        (documented("contact.created", r#""contact_id":1.0"#), "/data/contact_id", "number"),
        (documented("contact.created", r#""contact_id":"007""#), "/data/contact_id", "string"),
        (documented("contact.created", r#""contact_id":"seven""#), "/data/contact_id", "string"),
        (on_contact(r#""first_name":1"#), "/data/first_name", "number"),
        (on_contact(r#""last_name":[]"#), "/data/last_name", "array"),
        (on_contact(r#""phone":1"#), "/data/phone", "number"),
        (on_contact(r#""email":{}"#), "/data/email", "object"),
        (on_contact(r#""company":false"#), "/data/company", "boolean"),
        (on_contact(r#""source":0"#), "/data/source", "number"),
        (on_updated(r#""changed_fields":"email""#), "/data/changed_fields", "string"),
        (on_updated(r#""changed_fields":["email",1]"#), "/data/changed_fields/1", "number"),
        (live("call.completed", ""), "/data/call_sid", "missing"),
        (live("call.completed", r#""call_sid":"","call_id":null,"id":"""#), "/data/call_sid", "string"),
        (live("call.completed", r#""call_sid":["CA1"]"#), "/data/call_sid", "array"),
        (live("sms.received", r#""id":1.5"#), "/data/id", "number"),
        (live("appointment.scheduled", r#""id":{}"#), "/data/id", "object"),
    ];
    for (body, pointer, found) in &cases {
        let shown = String::from_utf8_lossy(body);
        let response = bridge.post(body);
        assert_eq!(summary(&response), (422, "contract_violation".to_owned()), "{shown}");
        let problem = response.json();
        assert_eq!(
            (problem["pointer"].as_str(), problem["found"].as_str()),
            (Some(*pointer), Some(*found)),
            "{shown}: {problem}"
        );
        assert!(problem["expected"].is_string() && problem["event_id"].is_string(), "{problem}");
    }
    assert!(cases.len() >= 55);
    assert_valid_event_is_accepted(&bridge);
}

#[test]
fn requests_with_wrong_path_method_or_encoding_are_refused() {
    let bridge = bridge();
    let event = valid();
    let raw = |bytes: String| http::request(bridge.ingress, bytes.as_bytes()).expect("an answer");
    let bare = |method: &str, path: &str| {
        raw(format!("{method} {path} HTTP/1.1\r\nhost: b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"))
    };
    assert_eq!(summary(&bare("POST", "/")), (404, "unknown_path".into()));
    assert_eq!(summary(&bare("GET", "/webhooks")), (404, "unknown_path".into()));
    assert_eq!(summary(&bare("POST", "/webhooks/justcall/extra")), (404, "unknown_path".into()));
    assert_eq!(summary(&bare("POST", "/WEBHOOKS/JUSTCALL")), (404, "unknown_path".into()));
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
        let response = bare(method, PATH);
        assert_eq!(summary(&response), (405, "method".into()), "{method}");
        assert_eq!(response.header("allow"), Some("GET, HEAD, POST"));
    }
    assert_eq!(summary(&bare("GET", PATH)), (200, "probe".into()));
    assert_eq!(bare("HEAD", PATH).status, 200);
    for coding in ["br", "zstd", "compress", "gzip, gzip", "aes128gcm"] {
        let response =
            http::post(bridge.ingress, PATH, &[("content-encoding", coding)], &event).expect(coding);
        assert_eq!(summary(&response), (415, "unsupported_encoding".into()), "{coding}");
        assert_eq!(response.header("accept-encoding"), Some("gzip, deflate, identity"));
    }
    let response = http::post(bridge.ingress, "/webhooks/justcall/", &[], &valid()).expect("an answer");
    assert_eq!(summary(&response), (200, "acked".into()), "a trailing slash is the same path");
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "nonsense"] {
        let response =
            http::post(bridge.ingress, PATH, &[("content-type", content_type)], &valid()).expect("ok");
        assert_eq!(summary(&response), (200, "acked".into()), "{content_type} must not matter");
    }
    assert_valid_event_is_accepted(&bridge);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

#[test]
fn encoded_bodies_are_decoded_within_the_limit() {
    let bridge = bridge();
    let post = |coding: &str, body: &[u8]| {
        summary(&http::post(bridge.ingress, PATH, &[("content-encoding", coding)], body).expect(coding))
    };
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(&valid()).expect("in memory");
    let mut bare = DeflateEncoder::new(Vec::new(), Compression::fast());
    bare.write_all(&valid()).expect("in memory");
    assert_eq!(post("gzip", &gzip(&valid())), (200, "acked".into()));
    assert_eq!(post("X-GZIP", &gzip(&valid())), (200, "acked".into()));
    assert_eq!(post("deflate", &zlib.finish().expect("in memory")), (200, "acked".into()));
    assert_eq!(post("deflate", &bare.finish().expect("in memory")), (200, "acked".into()));
    assert_eq!(post("identity", &valid()), (200, "acked".into()));
    assert_eq!(post("gzip", b""), (200, "probe".into()));
    let truncated = gzip(&valid());
    assert_eq!(post("gzip", &truncated[..truncated.len() - 5]), (400, "not_json".into()));
    assert_eq!(post("gzip", b"\x1f\x8b no gzip"), (400, "not_json".into()));
    assert_eq!(post("gzip", &valid()), (200, "acked".into()), "a proxy decoded the body and kept the header");
    let bomb = gzip(&vec![b' '; 50 * 1024 * 1024]);
    assert!(bomb.len() < LIMIT, "the bomb is small on the wire: {}", bomb.len());
    assert_eq!(post("gzip", &bomb), (413, "too_large".into()));
    assert_eq!(post("gzip", &gzip(&padded(LIMIT))), (200, "acked".into()), "at the limit");
    assert_eq!(post("gzip", &gzip(&padded(LIMIT + 1))), (413, "too_large".into()), "one byte over");
    assert_valid_event_is_accepted(&bridge);
}

fn padded(length: usize) -> Vec<u8> {
    let mut body = valid();
    body.resize(length, b' ');
    body
}

#[test]
fn bodies_are_limited_by_received_bytes() {
    let bridge = bridge();
    assert_eq!(summary(&bridge.post(&padded(LIMIT))), (200, "acked".into()), "at the limit");
    assert_eq!(summary(&bridge.post(&padded(LIMIT + 1))), (413, "too_large".into()), "one byte over");
    let chunked = |body: &[u8]| {
        let mut bytes =
            format!("POST {PATH} HTTP/1.1\r\nhost: b\r\ntransfer-encoding: chunked\r\n\r\n").into_bytes();
        for chunk in body.chunks(1000) {
            bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        summary(&http::request(bridge.ingress, &bytes).expect("an answer"))
    };
    assert_eq!(chunked(&valid()), (200, "acked".into()));
    assert_eq!(chunked(&padded(LIMIT)), (200, "acked".into()), "at the limit, in chunks");
    assert_eq!(chunked(&padded(LIMIT + 1)), (413, "too_large".into()), "one byte over, in chunks");
    assert_valid_event_is_accepted(&bridge);
}

#[test]
fn slow_senders_get_a_retry_response_and_delay_no_other() {
    let bridge = bridge();
    // More than there are workers.
    let mut slow: Vec<Connection> = (0..32)
        .map(|_| {
            let mut connection = Connection::open(bridge.ingress).expect("a connection");
            let bytes = http::post_bytes(PATH, &[], &valid());
            connection.send(&bytes[..bytes.len() - 10]).expect("sent");
            connection
        })
        .collect();
    assert_valid_event_is_accepted(&bridge);
    for connection in &mut slow {
        let response = connection.receive().expect("an answer");
        assert_eq!(summary(&response), (503, "too_slow".into()));
        assert!(response.header("retry-after").is_some());
    }
    assert_valid_event_is_accepted(&bridge);
}

#[test]
fn slow_head_ends_at_its_deadline() {
    let bridge = bridge();
    let mut connection = Connection::open(bridge.ingress).expect("a connection");
    connection.send(b"POST /webhooks/justcall HTTP/1.1\r\nhost: b\r\nx-slow: ").expect("sent");
    let response = connection.receive().expect("an answer");
    assert_eq!(summary(&response), (503, "slow_header".to_owned()));
    assert_eq!(response.header("retry-after"), Some("5"));
    assert_valid_event_is_accepted(&bridge);
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let bridge = bridge();
    let mut connection = Connection::open(bridge.ingress).expect("a connection");
    let bytes: Vec<u8> = [
        http::post_bytes(PATH, &[], &valid()),
        http::post_bytes(PATH, &[], b"no json"),
        http::post_bytes(PATH, &[], b""),
        http::post_bytes(PATH, &[], &valid()),
    ]
    .concat();
    connection.send(&bytes).expect("sent");
    let answers: Vec<_> = (0..4).map(|_| summary(&connection.receive().expect("an answer"))).collect();
    let expected = [ACKED, NOT_JSON, PROBE, ACKED].map(|(status, tag)| (status, tag.to_owned()));
    assert_eq!(answers, expected);
}

#[test]
fn hang_up_after_the_body_does_not_cancel_the_event() {
    let bridge = bridge();
    let body = valid();
    for _ in 0..2 {
        let mut connection = Connection::open(bridge.ingress).expect("a connection");
        connection.send(&http::post_bytes(PATH, &[], &body)).expect("sent");
        drop(connection);
    }
    // No client reads these answers.
    bridge.wait_for_metric(r#"events_total{type="call.completed",outcome="acked"}"#, 1);
    bridge.wait_for_metric(r#"events_total{type="call.completed",outcome="duplicate"}"#, 1);
}
