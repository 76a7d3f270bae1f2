//! The one error table: from what went wrong to status, headers and problem document (RFC 9457).

use crate::ingest::{Denial, Refusal, Rejection};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT_ENCODING, ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use serde::Serialize;
use std::borrow::Cow;

/// What begins every `type`: an absolute URI that promises no page.
const TYPE_PREFIX: &str = "urn:justcall-kafka-bridge:problem:";

/// Most bytes that a chunked body may have beyond `server.max_body_bytes`: sizes, extensions and trailers
/// (RFC 9112, 7.1.1, asks for a limit and for a 4xx).
pub(super) const MAX_FRAMING: usize = 64 * 1024;

const PROBLEM_JSON: &str = "application/problem+json";

/// Every way not to be answered 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    /// No such path.
    UnknownPath,
    /// The path is right, the method is not; these are allowed.
    Method(&'static str),
    /// The body, before or after decoding, exceeds the limit.
    TooLarge,
    /// A Content-Encoding that is not read.
    UnsupportedEncoding,
    /// Chunks against the syntax of HTTP.
    MalformedChunks,
    /// The connection broke off within the body.
    Incomplete,
    /// The body did not arrive in time.
    TooSlow,
    /// The header did not arrive in time.
    SlowHeader,
    /// The header is too large.
    LargeHeader,
    /// The header violates the syntax of HTTP.
    MalformedHeader,
    /// The chunked body is mostly framing.
    EndlessChunks,
    /// Too many bytes are in flight.
    OverBudget,
    /// The bridge is stopping.
    ShuttingDown,
    /// A bug: nobody knows whether the event is durable.
    Internal,
    /// Not durable in time.
    Refused(Refusal),
    /// Not let in: who sent it is not known.
    Denied(Denial),
    /// No retry can help the event of that id, and its dead letter is durable.
    Rejected(String, Rejection),
}

/// A row of the table.
struct Row {
    status: StatusCode,
    tag: &'static str,
    title: &'static str,
}

const fn row(status: StatusCode, tag: &'static str, title: &'static str) -> Row {
    Row { status, tag, title }
}

/// Only a 503 is worth a retry, and every 503 says when.
const RETRY: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

impl Problem {
    fn row(&self) -> Row {
        match self {
            Self::UnknownPath => row(StatusCode::NOT_FOUND, "unknown_path", "Nothing answers at this path"),
            Self::Method(_) => {
                row(StatusCode::METHOD_NOT_ALLOWED, "method", "This path does not take this method")
            }
            Self::TooLarge => row(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is too large"),
            Self::UnsupportedEncoding => row(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_encoding",
                "This Content-Encoding is not supported",
            ),
            Self::MalformedChunks => {
                row(StatusCode::BAD_REQUEST, "malformed_chunks", "The chunks of the body are not HTTP")
            }
            Self::Incomplete => row(RETRY, "incomplete", "The body did not arrive whole"),
            Self::TooSlow => row(RETRY, "too_slow", "The body did not arrive in time"),
            Self::SlowHeader => row(RETRY, "slow_header", "The header did not arrive in time"),
            Self::LargeHeader => {
                row(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "large_header", "The header is too large")
            }
            Self::MalformedHeader => {
                row(StatusCode::BAD_REQUEST, "malformed_header", "The header is not HTTP")
            }
            Self::EndlessChunks => {
                row(StatusCode::BAD_REQUEST, "endless_chunks", "The chunks are mostly framing")
            }
            Self::OverBudget => row(RETRY, "over_budget", "Too much is in flight"),
            Self::ShuttingDown => row(RETRY, "shutting_down", "The bridge is stopping"),
            Self::Internal => row(RETRY, "internal", "The event could not be taken"),
            Self::Refused(refusal) => row(RETRY, refusal.tag(), "The event is not durable yet"),
            Self::Denied(denial) => row(StatusCode::UNAUTHORIZED, denial.tag(), "The event was not let in"),
            Self::Rejected(_, rejection) => {
                row(rejected_status(rejection), rejection.tag(), "The event was rejected and kept")
            }
        }
    }

    /// Returns the problem that actix answers without a body, before a handler has seen the head.
    pub(super) fn of_actix(answer: &[u8]) -> Option<Self> {
        // actix answers in the version of the request before.
        let status = answer.strip_prefix(b"HTTP/1.1 ").or_else(|| answer.strip_prefix(b"HTTP/1.0 "))?;
        match status.get(..3)? {
            b"400" => Some(Self::MalformedHeader),
            b"408" => Some(Self::SlowHeader),
            b"431" => Some(Self::LargeHeader),
            _ => None,
        }
    }

    /// Stable tag: the end of the `type` and the metric label.
    pub(super) fn tag(&self) -> &'static str {
        self.row().tag
    }

    /// Whether the same may be taken later.
    pub(super) fn is_worth_a_retry(&self) -> bool {
        self.row().status == RETRY
    }

    /// The answer.
    pub(super) fn response(&self) -> HttpResponse {
        let row = self.row();
        let mut response = HttpResponse::with_body(row.status, self.document(&row)).map_into_boxed_body();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some((name, value)) = self.header(row.status) {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }

    /// The answer as bytes, for a connection that ends before there is a request to answer.
    pub(super) fn last_words(&self) -> Vec<u8> {
        let row = self.row();
        let document = self.document(&row);
        let header = self.header(row.status).map(|(name, value)| format!("{name}: {value}\r\n"));
        format!(
            "HTTP/1.1 {}\r\n{}content-type: {PROBLEM_JSON}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{document}",
            row.status,
            header.unwrap_or_default(),
            document.len()
        )
        .into_bytes()
    }

    fn header(&self, status: StatusCode) -> Option<(HeaderName, &'static str)> {
        match self {
            Self::Method(allowed) => Some((ALLOW, allowed)),
            Self::UnsupportedEncoding => Some((ACCEPT_ENCODING, "gzip, deflate, identity")),
            Self::Denied(Denial::Token) => Some((WWW_AUTHENTICATE, "Bearer")),
            Self::Denied(_) => Some((WWW_AUTHENTICATE, "JustCall-Signature version=\"v1\"")),
            _ if status == RETRY => Some((RETRY_AFTER, "5")),
            _ => None,
        }
    }

    fn document(&self, row: &Row) -> String {
        let (event_id, violation) = match self {
            Self::Rejected(id, Rejection::Violation(violation)) => (Some(id), Some(violation)),
            Self::Rejected(id, _) => (Some(id), None),
            _ => (None, None),
        };
        let document = Document {
            uri: format!("{TYPE_PREFIX}{}", row.tag),
            title: row.title,
            status: row.status.as_u16(),
            detail: self.detail(),
            event_id: event_id.map(String::as_str),
            pointer: violation.map(|it| it.pointer.as_ref()),
            expected: violation.map(|it| it.expected),
            found: violation.map(|it| it.found.name()),
        };
        // Serializing strings and a number cannot fail.
        serde_json::to_string(&document).unwrap_or_default()
    }

    fn detail(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::TooLarge => Some("It exceeds server.max_body_bytes, as it came or decoded.".into()),
            Self::EndlessChunks => Some(
                format!(
                    "Content, chunk sizes, extensions and trailers exceed server.max_body_bytes + {MAX_FRAMING} bytes."
                )
                .into(),
            ),
            Self::Refused(refusal) => Some(refusal.to_string().into()),
            Self::Denied(denial) => Some(denial.to_string().into()),
            Self::Rejected(_, rejection) => Some(rejection.to_string().into()),
            _ => None,
        }
    }
}

const fn rejected_status(rejection: &Rejection) -> StatusCode {
    match rejection {
        Rejection::Malformed(_) => StatusCode::BAD_REQUEST,
        // An unknown type is answered 200: the sender did nothing wrong.
        Rejection::UnknownType => StatusCode::OK,
        Rejection::Violation(_) | Rejection::TooLargeForKafka | Rejection::RefusedByKafka => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    uri: String,
    title: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<&'static str>,
}

#[cfg(test)]
mod tests;
