//! All responses of the ingress, for the OpenAPI document, built by the code that serves them.

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

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExampleResponse {
    pub status: u16,
    /// Outcome for status 200, otherwise the end of the problem's `type`.
    pub tag: String,
    pub content_type: String,
    /// Without Content-Length.
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

pub(crate) fn example_responses(rejected: DeadLetterAnswer) -> Vec<ExampleResponse> {
    let outcomes = outcomes().into_iter().map(|outcome| response(outcome, rejected));
    let problems = problems().into_iter().map(|problem| problem.response());
    let mut examples: Vec<_> = outcomes.chain(problems).map(example).collect();
    // If rejected events are answered 200, several outcomes have the same response.
    examples.dedup();
    examples
}

pub(crate) fn readiness_at_start() -> Value {
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

/// Problems before ingest. [`Problem::OverBudget`] has the tag of a refusal, which is listed already.
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
    let body = response.into_body().try_into_bytes().unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let named = body["outcome"].as_str().or_else(|| body["type"].as_str()?.rsplit(':').next());
    ExampleResponse { status, tag: named.unwrap_or_default().to_owned(), content_type, headers, body }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::tags;
    use std::collections::BTreeSet;

    fn tags_of(examples: &[ExampleResponse]) -> BTreeSet<&str> {
        examples.iter().map(|answer| answer.tag.as_str()).collect()
    }

    #[test]
    fn every_counted_reason_has_a_response_and_every_response_a_reason() {
        let examples = example_responses(DeadLetterAnswer::Problem);
        let counted = [tags::REFUSED, tags::DENIED, tags::REJECTED, tags::TURNED_AWAY].concat();
        // An unknown type is answered `dead_lettered`, and a failed handshake has no response.
        let silent = [tags::OTHER, "unknown_type", "tls_handshake"];
        let counted = counted.into_iter().filter(|tag| !silent.contains(tag));
        let expected: BTreeSet<_> =
            counted.chain(["acked", "spooled", "duplicate", "dropped", "probe", "dead_lettered"]).collect();
        assert_eq!(tags_of(&examples), expected);
        assert_eq!(examples.len(), expected.len(), "one of each");
    }

    #[test]
    fn examples_are_the_responses_that_clients_receive() {
        let examples = example_responses(DeadLetterAnswer::Problem);
        let of = |tag: &str| examples.iter().find(|answer| answer.tag == tag).unwrap().clone();
        assert_eq!(of("acked").status, 200);
        assert_eq!(of("acked").content_type, "application/json");
        let violation = of("contract_violation");
        assert_eq!((violation.status, violation.content_type.as_str()), (422, "application/problem+json"));
        assert_eq!(violation.body["found"], "string");
        assert_eq!(of("method").headers, [("allow".to_owned(), ALLOWED_METHODS.to_owned())]);
        assert_eq!(of("over_budget").headers[0].0, "retry-after");
    }

    #[test]
    fn rejected_events_answered_200_have_no_problem() {
        let examples = example_responses(DeadLetterAnswer::Ok);
        let tags = tags_of(&examples);
        assert!(tags.contains("dead_lettered") && !tags.contains("contract_violation"));
        assert_eq!(examples.iter().filter(|answer| answer.tag == "dead_lettered").count(), 1);
    }
}
