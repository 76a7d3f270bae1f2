use super::URL;
use crate::kit::bridge::{Bridge, PATH};
use crate::kit::consume;
use crate::kit::http::{self, Response};
use chrono::{TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use sha2::Sha256;
use std::time::Duration;

pub(super) const SIGNATURE: &str = "x-justcall-signature";
pub(super) const VERSION: &str = "x-justcall-signature-version";
pub(super) const TIMESTAMP: &str = "x-justcall-request-timestamp";

#[derive(Debug, Clone)]
pub(super) struct Request {
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    pub(super) fn unsigned(body: impl AsRef<[u8]>) -> Self {
        Self { path: PATH.to_owned(), headers: Vec::new(), body: body.as_ref().to_vec() }
    }

    pub(super) fn signed(secret: &str, body: impl AsRef<[u8]>, timestamp: &str) -> Self {
        let json: serde_json::Value = serde_json::from_slice(body.as_ref()).expect("a body of JSON");
        let text = |field: &str| json[field].as_str().expect(field).to_owned();
        let signature = sign(secret, &text("webhook_url"), &text("type"), timestamp);
        Self::unsigned(body).with(SIGNATURE, &signature).with(VERSION, "v1").with(TIMESTAMP, timestamp)
    }

    pub(super) fn to(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    pub(super) fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(found, _)| found != name);
        self
    }

    pub(super) fn replace(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.without(name).with(name, value)
    }

    pub(super) fn edit(mut self, from: &str, to: &str) -> Self {
        let text = String::from_utf8(self.body).expect("a body of text");
        assert!(text.contains(from), "{from:?} is not in {text}");
        self.body = text.replacen(from, to, 1).into_bytes();
        self
    }

    pub(super) fn header(&self, name: &str) -> String {
        let (_, value) = self.headers.iter().find(|(found, _)| found == name).expect(name);
        String::from_utf8(value.clone()).expect("a header of text")
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn send(&self, bridge: &Bridge) -> Response {
        let length = self.body.len();
        let mut bytes = format!(
            "POST {} HTTP/1.1\r\nhost: bridge\r\nconnection: close\r\ncontent-length: {length}\r\n",
            self.path
        )
        .into_bytes();
        for (name, value) in &self.headers {
            bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        bytes.extend(b"\r\n");
        bytes.extend(&self.body);
        http::request(bridge.ingress, &bytes).expect("an answer")
    }
}

pub(super) fn call(number: usize) -> String {
    event(URL, "call.completed", number)
}

pub(super) fn event(url: &str, event_type: &str, number: usize) -> String {
    let (url, event_type) = (serde_json::json!(url), serde_json::json!(event_type));
    format!(
        r#"{{"request_id":"01KG5S8Z6R4PBD5EV1J1T6XN0C","webhook_url":{url},"type":{event_type},"data":{{"call_sid":"CA{number}","call_info":{{"direction":"Incoming"}}}}}}"#
    )
}

/// JustCall does not sign the documented dialect.
pub(super) fn documented(id: &str) -> String {
    format!(r#"{{"event":"call.missed","timestamp":"2026-03-12T14:32:00Z","data":{{"call_id":"{id}"}}}}"#)
}

pub(super) fn now() -> String {
    ahead(0)
}

/// Formats the time as JustCall does.
pub(super) fn ahead(seconds: i64) -> String {
    (Utc::now() + TimeDelta::seconds(seconds)).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// Also asserts the headers and that no secret is in the response.
pub(super) fn summary(response: &Response) -> (u16, String) {
    let json = response.json();
    let tag = if response.status == 200 {
        json["outcome"].as_str().map(str::to_owned)
    } else {
        assert_eq!(json["status"], response.status, "{json}");
        let uri = json["type"].as_str();
        uri.and_then(|uri| uri.strip_prefix("urn:justcall-kafka-bridge:problem:")).map(str::to_owned)
    };
    let tag = tag.unwrap_or_else(|| panic!("neither an outcome nor a problem: {json}"));
    let challenge = match (response.status, tag.as_str()) {
        (401, "token") => Some("Bearer"),
        (401, _) => Some("JustCall-Signature version=\"v1\""),
        _ => None,
    };
    assert_eq!(response.header("www-authenticate"), challenge, "{tag}");
    let retry_after = response.header("retry-after").map(|value| value.parse::<u16>().expect("seconds"));
    assert_eq!(retry_after.is_some(), response.status == 503, "{tag}");
    assert!(!response.text().contains(super::SECRET), "the response contains the secret");
    (response.status, tag)
}

/// Waits for `expected` values, dead letters included.
pub(super) fn records_by_topic(bridge: &Bridge, kafka: &str, expected: usize) -> Vec<(String, Vec<Vec<u8>>)> {
    let topics = topics(kafka, &bridge.prefix);
    let read = |topic: String| {
        let reads = consume::read_topic(kafka, &topic, consume::topic_end(kafka, &topic), TIMEOUT);
        let mut values: Vec<_> = reads.into_iter().map(|read| read.value).collect();
        values.sort();
        (topic, values)
    };
    let mut all: Vec<_> = topics.into_iter().map(read).filter(|(_, values)| !values.is_empty()).collect();
    all.sort();
    let found: usize = all.iter().map(|(_, values)| values.len()).sum();
    assert_eq!(found, expected, "records in all topics");
    all
}

const TIMEOUT: Duration = Duration::from_secs(30);

fn topics(kafka: &str, prefix: &str) -> Vec<String> {
    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", kafka).create().expect("a consumer");
    let metadata = consumer.fetch_metadata(None, TIMEOUT).expect("metadata");
    let names = metadata.topics().iter().map(|topic| topic.name().to_owned());
    names.filter(|name| name.starts_with(prefix)).collect()
}

/// Follows JustCall's description alone.
pub(super) fn sign(secret: &str, url: &str, event_type: &str, timestamp: &str) -> String {
    hex_hmac(secret, &[secret, &encode_uri_component(url), event_type, timestamp].join("|"))
}

pub(super) fn hex_hmac(key: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any key");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn encode_uri_component(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => char::from(byte).to_string(),
        b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}
