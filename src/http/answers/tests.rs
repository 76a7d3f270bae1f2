use super::*;
use crate::telemetry::tags;
use std::collections::BTreeSet;

fn tags_of(answers: &[Answer]) -> BTreeSet<&str> {
    answers.iter().map(|answer| answer.tag.as_str()).collect()
}

#[test]
fn every_reason_that_is_counted_has_its_answer_and_the_other_way_round() {
    let answers = answers(DeadLetterAnswer::Problem);
    let counted = [tags::REFUSED, tags::DENIED, tags::REJECTED, tags::TURNED_AWAY].concat();
    // Without an answer: the sender of an unknown type hears `dead_lettered`, a broken handshake nothing.
    let silent = [tags::OTHER, "unknown_type", "tls_handshake"];
    let counted = counted.into_iter().filter(|tag| !silent.contains(tag));
    let expected: BTreeSet<_> =
        counted.chain(["acked", "spooled", "duplicate", "dropped", "probe", "dead_lettered"]).collect();
    assert_eq!(tags_of(&answers), expected);
    assert_eq!(answers.len(), expected.len(), "one of each");
}

#[test]
fn answers_are_those_that_senders_get() {
    let answers = answers(DeadLetterAnswer::Problem);
    let of = |tag: &str| answers.iter().find(|answer| answer.tag == tag).unwrap().clone();
    assert_eq!(of("acked").status, 200);
    assert_eq!(of("acked").content_type, "application/json");
    let violation = of("contract_violation");
    assert_eq!((violation.status, violation.content_type.as_str()), (422, "application/problem+json"));
    assert_eq!(violation.body["found"], "string");
    assert_eq!(of("method").headers, [("allow".to_owned(), ALLOWED.to_owned())]);
    assert_eq!(of("over_budget").headers[0].0, "retry-after");
}

#[test]
fn rejected_senders_that_hear_200_hear_no_problem() {
    let answers = answers(DeadLetterAnswer::Ok);
    let tags = tags_of(&answers);
    assert!(tags.contains("dead_lettered") && !tags.contains("contract_violation"));
    assert_eq!(answers.iter().filter(|answer| answer.tag == "dead_lettered").count(), 1);
}
