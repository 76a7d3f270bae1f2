//! Catalog of all responses of the ingress, for the OpenAPI document. Each is built by the code that serves
//! it.

use super::admin::readiness_body;
use super::ingress::ALLOWED_METHODS;
use super::problem::Problem;
use super::response::response;
use crate::health::Readiness;
use crate::ingest::{DeadLetterAnswer, Denial, Outcome, Refusal, Rejection};
use actix_web::HttpResponse;
use actix_web::body::MessageBody;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use justcall_events::{BodyHash, EventId, JsonType, Malformed, Violation};
use serde_json::Value;

#[cfg(test)]
mod tests;

/// Example of a response, with invented values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExampleResponse {
    /// Status code.
    pub status: u16,
    /// Stable tag: the outcome for status 200, otherwise the end of the problem's `type`.
    pub tag: String,
    /// Value of Content-Type.
    pub content_type: String,
    /// Other headers, except Content-Length.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Value,
}

/// Returns an example of every response to a webhook. `rejected` is the setting for rejected events.
pub fn example_responses(rejected: DeadLetterAnswer) -> Vec<ExampleResponse> {
    let outcomes = outcomes().into_iter().map(|outcome| response(outcome, rejected));
    let problems = problems().into_iter().map(|problem| problem.response());
    let mut examples: Vec<_> = outcomes.chain(problems).map(example).collect();
    // If rejected events are answered 200, several outcomes have the same response.
    examples.dedup();
    examples
}

/// Returns the body of `/readyz` right after the start.
pub fn readiness_at_start() -> Value {
    readiness_body(&Readiness::new())
}

fn outcomes() -> Vec<Outcome> {
    let id = EventId::from_hash(&BodyHash::of(b"{}"));
    let violation = Violation {
        pointer: "/data/duration".into(),
        expected: "a non-negative integer",
        found: JsonType::String,
    };
    let rejections = [
        Rejection::UnknownType,
        Rejection::TooLargeForKafka,
        Rejection::RefusedByKafka,
        Malformed::NotJson.into(),
        Malformed::NotAnEnvelope.into(),
        Malformed::Ambiguous.into(),
        violation.into(),
    ];
    let accepted = [
        Outcome::Acked(id),
        Outcome::Spooled(id),
        Outcome::Duplicate(id),
        Outcome::Dropped(id),
        Outcome::Probe,
    ];
    accepted
        .into_iter()
        .chain(rejections.map(|rejection| Outcome::DeadLettered(id, rejection)))
        .chain(Denial::all().map(Outcome::Denied))
        .chain(Refusal::ALL.iter().copied().map(Outcome::Refused))
        .collect()
}

/// Returns problems of requests that end before ingest. [`Problem::OverBudget`] has the tag of a refusal,
/// which is listed already.
fn problems() -> [Problem; 13] {
    [
        Problem::UnknownPath,
        Problem::Method(ALLOWED_METHODS),
        Problem::TooLarge,
        Problem::UnsupportedEncoding,
        Problem::LargeHeader,
        Problem::MalformedHeader,
        Problem::EndlessChunks,
        Problem::MalformedChunks,
        Problem::Incomplete,
        Problem::TooSlow,
        Problem::SlowHeader,
        Problem::ShuttingDown,
        Problem::Internal,
    ]
}

fn example(response: HttpResponse) -> ExampleResponse {
    let status = response.status().as_u16();
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let header = |name| response.headers().get(name).map(|value| text(value.as_bytes()));
    let content_type = header(CONTENT_TYPE).unwrap_or_default();
    let headers =
        response.headers().iter().filter(|(name, _)| ![CONTENT_TYPE, CONTENT_LENGTH].contains(name));
    let headers = headers.map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
    // The body is in memory and is JSON.
    let body = response.into_body().try_into_bytes().unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let named = body["outcome"].as_str().or_else(|| body["type"].as_str()?.rsplit(':').next());
    ExampleResponse { status, tag: named.unwrap_or_default().to_owned(), content_type, headers, body }
}
