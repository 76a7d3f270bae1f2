//! Response to an outcome.

use super::problem::Problem;
use crate::ingest::{DeadLetterAnswer, Outcome, Rejection};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use bytes::Bytes;

/// Returns the response to an outcome. `rejected` is the setting for rejected events.
pub(super) fn response(outcome: Outcome, rejected: DeadLetterAnswer) -> HttpResponse {
    match outcome {
        Outcome::Acked(id) => success(id.as_str(), "acked"),
        Outcome::Spooled(id) => success(id.as_str(), "spooled"),
        Outcome::Duplicate(id) => success(id.as_str(), "duplicate"),
        Outcome::Dropped(id) => success(id.as_str(), "dropped"),
        Outcome::Probe => probe(),
        Outcome::DeadLettered(id, Rejection::UnknownType) => success(id.as_str(), "dead_lettered"),
        Outcome::DeadLettered(id, rejection) => match rejected {
            DeadLetterAnswer::Ok => success(id.as_str(), "dead_lettered"),
            DeadLetterAnswer::Problem => Problem::Rejected(id.to_string(), rejection).response(),
        },
        Outcome::Refused(refusal) => Problem::Refused(refusal).response(),
        Outcome::Denied(denial) => Problem::Denied(denial).response(),
    }
}

/// Returns the response to a probe of the URL.
pub(super) fn probe() -> HttpResponse {
    json(StatusCode::OK, Bytes::from_static(br#"{"outcome":"probe"}"#))
}

/// Returns a response whose body is serialized JSON.
pub(super) fn json(status: StatusCode, body: Bytes) -> HttpResponse {
    let mut response = HttpResponse::with_body(status, body).map_into_boxed_body();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Returns the response to an accepted event.
///
/// One allocation and no escaping, because an event id is plain ASCII.
fn success(id: &str, outcome: &str) -> HttpResponse {
    json(StatusCode::OK, Bytes::from([r#"{"id":""#, id, r#"","outcome":""#, outcome, r#""}"#].concat()))
}

#[cfg(test)]
mod tests;
