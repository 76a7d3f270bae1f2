//! Every answer of the listeners, for those who describe them: each is made as a sender gets it.

use super::admin::parts;
use super::answer::answer;
use super::ingress::ALLOWED;
use super::problem::Problem;
use crate::health::Readiness;
use crate::ingest::{DeadLetterAnswer, Denial, Outcome, Refusal, Rejection};
use actix_web::HttpResponse;
use actix_web::body::MessageBody;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use justcall_events::{BodyHash, EventId, JsonType, Malformed, Violation};
use serde_json::Value;

#[cfg(test)]
mod tests;

/// An answer, with invented values where it has any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Stable tag: the outcome where that is 200, else the end of the problem's `type`.
    pub tag: String,
    /// Content-Type.
    pub content_type: String,
    /// The other headers that it has.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Value,
}

/// Every answer to a webhook, where rejected senders hear `rejected`.
pub fn answers(rejected: DeadLetterAnswer) -> Vec<Answer> {
    let outcomes = outcomes().into_iter().map(|outcome| answer(outcome, rejected));
    let turned_away = turned_away().into_iter().map(|problem| problem.response());
    let mut answers: Vec<_> = outcomes.chain(turned_away).map(read).collect();
    // Where rejected senders hear 200, several outcomes are one answer.
    answers.dedup();
    answers
}

/// What `/readyz` answers right after the start.
pub fn readiness_at_start() -> Value {
    parts(&Readiness::new())
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
    let passed = [
        Outcome::Acked(id),
        Outcome::Spooled(id),
        Outcome::Duplicate(id),
        Outcome::Dropped(id),
        Outcome::Probe,
    ];
    passed
        .into_iter()
        .chain(rejections.map(|rejection| Outcome::DeadLettered(id, rejection)))
        .chain(Denial::all().map(Outcome::Denied))
        .chain(Refusal::ALL.iter().copied().map(Outcome::Refused))
        .collect()
}

/// What goes no further than HTTP. [`Problem::OverBudget`] is a refusal as well, of the same tag.
fn turned_away() -> [Problem; 13] {
    [
        Problem::UnknownPath,
        Problem::Method(ALLOWED),
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

fn read(response: HttpResponse) -> Answer {
    let status = response.status().as_u16();
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let header = |name| response.headers().get(name).map(|value| text(value.as_bytes()));
    let content_type = header(CONTENT_TYPE).unwrap_or_default();
    let headers =
        response.headers().iter().filter(|(name, _)| ![CONTENT_TYPE, CONTENT_LENGTH].contains(name));
    let headers = headers.map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
    // Whole in memory, and written as JSON.
    let body = response.into_body().try_into_bytes().unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let named = body["outcome"].as_str().or_else(|| body["type"].as_str()?.rsplit(':').next());
    Answer { status, tag: named.unwrap_or_default().to_owned(), content_type, headers, body }
}
