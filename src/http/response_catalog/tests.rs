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
    // Tags without a response of their own: an unknown type is answered `dead_lettered`, and a failed
    // handshake has no response.
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
