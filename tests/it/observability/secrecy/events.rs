use super::markers::{marker, number, phone};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

pub(super) fn documented() -> Vec<u8> {
    documented_with("")
}

/// Each member follows a comma.
pub(super) fn documented_with(more: &str) -> Vec<u8> {
    format!(
        r#"{{"event":"call.completed","timestamp":"2026-03-12T14:30:00Z","data":{{"call_id":"{}","direction":"inbound","from":"{}","to":"{}","agent_id":{},"agent_name":"{} \"O'Neil\" \u00e9","duration":185,"status":"completed","recording_url":"https://recordings.justcall.io/{}.mp3","notes":"{}","disposition":"{}","{}":"unknown field"{more}}}}}"#,
        marker("callid"),
        phone(),
        phone(),
        number(),
        marker("agentname"),
        marker("recording"),
        marker("notes"),
        marker("disposition"),
        marker("fieldname"),
    )
    .into_bytes()
}

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
                marker("messageid"),
                phone(),
                phone(),
                marker("text"),
                marker("media")
            ),
        ),
        event(
            "voicemail.received",
            format!(
                r#""call_id":"{}","from":"{}","recording_url":"https://x.example/{}","transcription":"{}""#,
                marker("callid"),
                phone(),
                marker("recording"),
                marker("transcription")
            ),
        ),
        event(
            "contact.created",
            format!(
                r#""contact_id":{},"first_name":"{}","last_name":"{}","phone":"{}","email":"{}@example.com","company":"{}""#,
                number(),
                marker("firstname"),
                marker("lastname"),
                phone(),
                marker("email"),
                marker("company")
            ),
        ),
    ]
}

pub(super) fn unknown() -> Vec<u8> {
    format!(
        r#"{{"event":"{}.{}","timestamp":"2026-03-12T14:30:00Z","data":{{"id":"{}","name":"{}"}}}}"#,
        marker("type"),
        marker("typo"),
        marker("id"),
        marker("name")
    )
    .into_bytes()
}

pub(super) fn live(url: &str) -> Vec<u8> {
    format!(
        r#"{{"request_id":"{}","webhook_url":"{url}","url_id":"{}","type":"call.completed","data":{{"id":{},"call_sid":"{}","contact_number":"{}","contact_name":"{}","contact_email":"{}@example.com","agent_name":"{}","call_info":{{"direction":"Incoming","notes":"{}","recording":"https://x.example/{}.mp3","voicemail_transcription":"{}"}},"justcall_ai":{{"call_transcription":[{{"speaker_name":"{}","sentence":"{}"}}],"call_summary":"{}"}}}},"metadata":{{"{}":"{}"}}}}"#,
        marker("requestid"),
        marker("urlid"),
        number(),
        marker("callsid"),
        number(),
        marker("contactname"),
        marker("contactemail"),
        marker("agentname"),
        marker("notes"),
        marker("recording"),
        marker("voicemail"),
        marker("speaker"),
        marker("sentence"),
        marker("summary"),
        marker("metakey"),
        marker("metavalue"),
    )
    .into_bytes()
}

pub(super) fn url() -> String {
    format!(
        "https://{}:{}@x.example/{}?key={}",
        marker("user"),
        marker("pass"),
        marker("urlpath"),
        marker("urlquery")
    )
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

pub(super) fn headers() -> Vec<(&'static str, String)> {
    vec![
        ("user-agent", marker("useragent")),
        ("content-type", format!("application/{}", marker("contenttype"))),
        ("authorization", format!("Bearer {}", marker("bearer"))),
        ("cookie", format!("session={}", marker("cookie"))),
        ("referer", format!("https://x.example/{}", marker("referer"))),
        ("x-forwarded-for", marker("forwarded")),
        ("forwarded", format!("for={}", marker("forwarded"))),
        ("x-justcall-signature", marker("signature")),
        ("x-justcall-signature-version", marker("version")),
        ("x-justcall-request-timestamp", marker("timestamp")),
        ("traceparent", marker("traceparent")),
        ("tracestate", marker("tracestate")),
        ("x-request-id", marker("requestid")),
        ("idempotency-key", marker("idempotency")),
        ("x-odd", format!("\"{}\\ \u{e9}", marker("odd"))),
    ]
}

pub(super) fn borrowed<'a>(headers: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    headers.iter().map(|(name, value)| (*name, value.as_str())).collect()
}
