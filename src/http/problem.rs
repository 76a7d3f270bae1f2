//! Table of HTTP errors: status, headers and problem document (RFC 9457) of each.

use crate::ingest::{Denial, Refusal, Rejection};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT_ENCODING, ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use serde::Serialize;
use std::borrow::Cow;

/// Prefix of every `type`: an absolute URI that is not a link.
const TYPE_PREFIX: &str = "urn:justcall-kafka-bridge:problem:";

/// Sizes, extensions and trailers of a chunked body, in bytes. RFC 9112, 7.1.1, recommends a limit and a 4xx
/// response.
pub(super) const MAX_FRAMING: usize = 64 * 1024;

const RETRY_AFTER_SECONDS: &str = "5";

const PROBLEM_JSON: &str = "application/problem+json";

/// Cause of a response with a status other than 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    UnknownPath,
    /// Holds the allowed methods.
    Method(&'static str),
    /// Before or after decoding.
    TooLarge,
    UnsupportedEncoding,
    MalformedChunks,
    Incomplete,
    TooSlow,
    SlowHeader,
    LargeHeader,
    MalformedHeader,
    EndlessChunks,
    OverBudget,
    ShuttingDown,
    /// Nothing is known about the event's durability.
    Internal,
    Refused(Refusal),
    Denied(Denial),
    /// Event id and cause. The dead letter is durable.
    Rejected(String, Rejection),
}

struct ProblemType {
    status: StatusCode,
    tag: &'static str,
    title: &'static str,
}

const fn problem_type(status: StatusCode, tag: &'static str, title: &'static str) -> ProblemType {
    ProblemType { status, tag, title }
}

/// Every 503 has `Retry-After`.
const RETRYABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

impl Problem {
    fn problem_type(&self) -> ProblemType {
        match self {
            Self::UnknownPath => problem_type(StatusCode::NOT_FOUND, "unknown_path", "Unknown path"),
            Self::Method(_) => {
                problem_type(StatusCode::METHOD_NOT_ALLOWED, "method", "Method not allowed on this path")
            }
            Self::TooLarge => {
                problem_type(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is too large")
            }
            Self::UnsupportedEncoding => problem_type(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_encoding",
                "This Content-Encoding is not supported",
            ),
            Self::MalformedChunks => problem_type(
                StatusCode::BAD_REQUEST,
                "malformed_chunks",
                "Invalid chunked encoding of the body",
            ),
            Self::Incomplete => problem_type(RETRYABLE, "incomplete", "The body is incomplete"),
            Self::TooSlow => problem_type(RETRYABLE, "too_slow", "The body did not arrive in time"),
            Self::SlowHeader => problem_type(RETRYABLE, "slow_header", "The header did not arrive in time"),
            Self::LargeHeader => problem_type(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "large_header",
                "The header is too large",
            ),
            Self::MalformedHeader => {
                problem_type(StatusCode::BAD_REQUEST, "malformed_header", "Invalid HTTP header")
            }
            Self::EndlessChunks => problem_type(
                StatusCode::BAD_REQUEST,
                "endless_chunks",
                "The framing of the chunks exceeds its limit",
            ),
            Self::OverBudget => problem_type(RETRYABLE, "over_budget", "Too many bytes in flight"),
            Self::ShuttingDown => problem_type(RETRYABLE, "shutting_down", "The bridge is stopping"),
            Self::Internal => problem_type(RETRYABLE, "internal", "Internal error"),
            Self::Refused(refusal) => problem_type(RETRYABLE, refusal.tag(), "The event is not durable yet"),
            Self::Denied(denial) => {
                problem_type(StatusCode::UNAUTHORIZED, denial.tag(), "Authentication failed")
            }
            Self::Rejected(_, rejection) => problem_type(
                rejected_status(rejection),
                rejection.tag(),
                "The event was rejected and stored as a dead letter",
            ),
        }
    }

    /// actix answers an invalid head itself, without a body.
    pub(super) fn of_actix(answer: &[u8]) -> Option<Self> {
        // actix uses the version of the previous request.
        let status = answer.strip_prefix(b"HTTP/1.1 ").or_else(|| answer.strip_prefix(b"HTTP/1.0 "))?;
        match status.get(..3)? {
            b"400" => Some(Self::MalformedHeader),
            b"408" => Some(Self::SlowHeader),
            b"431" => Some(Self::LargeHeader),
            _ => None,
        }
    }

    /// End of the `type`, and metric label.
    pub(super) fn tag(&self) -> &'static str {
        self.problem_type().tag
    }

    pub(super) fn is_retryable(&self) -> bool {
        self.problem_type().status == RETRYABLE
    }

    pub(super) fn response(&self) -> HttpResponse {
        let problem_type = self.problem_type();
        let mut response =
            HttpResponse::with_body(problem_type.status, self.document(&problem_type)).map_into_boxed_body();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some((name, value)) = self.header(problem_type.status) {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }

    /// Used for a connection that ends before the handler.
    pub(super) fn raw_response(&self) -> Vec<u8> {
        let problem_type = self.problem_type();
        let document = self.document(&problem_type);
        let header = self.header(problem_type.status).map(|(name, value)| format!("{name}: {value}\r\n"));
        format!(
            "HTTP/1.1 {}\r\n{}content-type: {PROBLEM_JSON}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{document}",
            problem_type.status,
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
            _ if status == RETRYABLE => Some((RETRY_AFTER, RETRY_AFTER_SECONDS)),
            _ => None,
        }
    }

    fn document(&self, problem_type: &ProblemType) -> String {
        let (event_id, violation) = match self {
            Self::Rejected(id, Rejection::Violation(violation)) => (Some(id), Some(violation)),
            Self::Rejected(id, _) => (Some(id), None),
            _ => (None, None),
        };
        let document = Document {
            uri: format!("{TYPE_PREFIX}{}", problem_type.tag),
            title: problem_type.title,
            status: problem_type.status.as_u16(),
            detail: self.detail(),
            event_id: event_id.map(String::as_str),
            pointer: violation.map(|it| it.pointer.as_ref()),
            expected: violation.map(|it| it.expected),
            found: violation.map(|it| it.found.name()),
        };
        serde_json::to_string(&document).unwrap_or_default()
    }

    fn detail(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::TooLarge => Some("It exceeds server.max_body_bytes, as received or after decoding.".into()),
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
        // An unknown type is answered 200, because it is not the sender's error.
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
