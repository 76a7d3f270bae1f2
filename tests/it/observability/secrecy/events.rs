//! Events with a marker in every personal field.

use super::needles::{needle, number, phone};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

/// Returns a `call.completed` of the documented dialect.
pub(super) fn documented() -> Vec<u8> {
    documented_with("")
}

/// Returns a `call.completed` with more members in `data`, each after a comma.
pub(super) fn documented_with(more: &str) -> Vec<u8> {
    format!(
        r#"{{"event":"call.completed","timestamp":"2026-03-12T14:30:00Z","data":{{"call_id":"{}","direction":"inbound","from":"{}","to":"{}","agent_id":{},"agent_name":"{} \"O'Neil\" \u00e9","duration":185,"status":"completed","recording_url":"https://recordings.justcall.io/{}.mp3","notes":"{}","disposition":"{}","{}":"unknown field"{more}}}}}"#,
        needle("callid"),
        phone(),
        phone(),
        number(),
        needle("agentname"),
        needle("recording"),
        needle("notes"),
        needle("disposition"),
        needle("fieldname"),
    )
    .into_bytes()
}

/// Returns one event of each other family in the documented dialect, by type.
pub(super) fn families() -> Vec<(&'static str, Vec<u8>)> {
    let event = |kind: &'static str, data: String| {
        let body = format!(r#"{{"event":"{kind}","timestamp":"2026-03-12T14:30:00Z","data":{{{data}}}}}"#);
        (kind, body.into_bytes())
    };
    vec![
        event(
            "sms.received",
            format!(
                r#""message_id":"{}","from":"{}","to":"{}","body":"{}","media_url":"https://x.example/{}""#,
                needle("messageid"),
                phone(),
                phone(),
                needle("text"),
                needle("media")
            ),
        ),
        event(
            "voicemail.received",
            format!(
                r#""call_id":"{}","from":"{}","recording_url":"https://x.example/{}","transcription":"{}""#,
                needle("callid"),
                phone(),
                needle("recording"),
                needle("transcription")
            ),
        ),
        event(
            "contact.created",
            format!(
                r#""contact_id":{},"first_name":"{}","last_name":"{}","phone":"{}","email":"{}@example.com","company":"{}""#,
                number(),
                needle("firstname"),
                needle("lastname"),
                phone(),
                needle("email"),
                needle("company")
            ),
        ),
    ]
}

/// Returns an event of an unknown type.
pub(super) fn unknown() -> Vec<u8> {
    format!(
        r#"{{"event":"{}.{}","timestamp":"2026-03-12T14:30:00Z","data":{{"id":"{}","name":"{}"}}}}"#,
        needle("type"),
        needle("typo"),
        needle("id"),
        needle("name")
    )
    .into_bytes()
}

/// Returns a `call.completed` of the live dialect, for that URL.
pub(super) fn live(url: &str) -> Vec<u8> {
    format!(
        r#"{{"request_id":"{}","webhook_url":"{url}","url_id":"{}","type":"call.completed","data":{{"id":{},"call_sid":"{}","contact_number":"{}","contact_name":"{}","contact_email":"{}@example.com","agent_name":"{}","call_info":{{"direction":"Incoming","notes":"{}","recording":"https://x.example/{}.mp3","voicemail_transcription":"{}"}},"justcall_ai":{{"call_transcription":[{{"speaker_name":"{}","sentence":"{}"}}],"call_summary":"{}"}}}},"metadata":{{"{}":"{}"}}}}"#,
        needle("requestid"),
        needle("urlid"),
        number(),
        needle("callsid"),
        number(),
        needle("contactname"),
        needle("contactemail"),
        needle("agentname"),
        needle("notes"),
        needle("recording"),
        needle("voicemail"),
        needle("speaker"),
        needle("sentence"),
        needle("summary"),
        needle("metakey"),
        needle("metavalue"),
    )
    .into_bytes()
}

/// Returns a webhook URL with every part that a URL can have.
pub(super) fn url() -> String {
    format!(
        "https://{}:{}@x.example/{}?key={}",
        needle("user"),
        needle("pass"),
        needle("urlpath"),
        needle("urlquery")
    )
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

/// Returns optional and unusual request headers.
pub(super) fn headers() -> Vec<(&'static str, String)> {
    vec![
        ("user-agent", needle("useragent")),
        ("content-type", format!("application/{}", needle("contenttype"))),
        ("authorization", format!("Bearer {}", needle("bearer"))),
        ("cookie", format!("session={}", needle("cookie"))),
        ("referer", format!("https://x.example/{}", needle("referer"))),
        ("x-forwarded-for", needle("forwarded")),
        ("forwarded", format!("for={}", needle("forwarded"))),
        ("x-justcall-signature", needle("signature")),
        ("x-justcall-signature-version", needle("version")),
        ("x-justcall-request-timestamp", needle("timestamp")),
        ("traceparent", needle("traceparent")),
        ("tracestate", needle("tracestate")),
        ("x-request-id", needle("requestid")),
        ("idempotency-key", needle("idempotency")),
        ("x-odd", format!("\"{}\\ \u{e9}", needle("odd"))),
    ]
}

/// Borrows these headers.
pub(super) fn borrowed<'a>(headers: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    headers.iter().map(|(name, value)| (*name, value.as_str())).collect()
}
