use super::*;
use crate::telemetry::tags;
use actix_web::body::MessageBody;
use justcall_events::{JsonType, Malformed, Violation};
use serde_json::Value;

fn id() -> String {
    "01HXYZ0123456789ABCDEFGHJK".to_owned()
}

fn violation() -> Rejection {
    Rejection::Violation(Violation {
        pointer: "/data/duration".into(),
        expected: "integer",
        found: JsonType::String,
    })
}

fn table() -> Vec<(Problem, u16, &'static str)> {
    use Problem::*;
    vec![
        (UnknownPath, 404, "unknown_path"),
        (Method("GET"), 405, "method"),
        (TooLarge, 413, "too_large"),
        (UnsupportedEncoding, 415, "unsupported_encoding"),
        (Incomplete, 503, "incomplete"),
        (TooSlow, 503, "too_slow"),
        (OverBudget, 503, "over_budget"),
        (ShuttingDown, 503, "shutting_down"),
        (Internal, 503, "internal"),
        (Refused(Refusal::AckDeadline), 503, "ack_deadline"),
        (Refused(Refusal::QueueFull), 503, "queue_full"),
        (Refused(Refusal::Kafka), 503, "kafka"),
        (Refused(Refusal::DuplicateInFlight), 503, "duplicate_in_flight"),
        (Rejected(id(), Malformed::NotJson.into()), 400, "not_json"),
        (Rejected(id(), Malformed::NotAnEnvelope.into()), 400, "not_an_envelope"),
        (Rejected(id(), Malformed::Ambiguous.into()), 400, "ambiguous_dialect"),
        (Rejected(id(), violation()), 422, "contract_violation"),
    ]
}

fn document(problem: &Problem) -> Value {
    let body = problem.response().into_body().try_into_bytes().unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[test]
fn every_problem_has_its_status_and_type() {
    for (problem, status, tag) in table() {
        let response = problem.response();
        assert_eq!(response.status().as_u16(), status, "{problem:?}");
        assert_eq!(response.headers().get(CONTENT_TYPE).unwrap(), "application/problem+json");
        let document = document(&problem);
        assert_eq!(document["type"], format!("urn:justcall-kafka-bridge:problem:{tag}"));
        assert_eq!(document["status"], status);
        assert!(document["title"].is_string());
    }
}

#[test]
fn only_a_503_has_retry_after() {
    for (problem, status, _) in table() {
        assert_eq!(problem.response().headers().contains_key(RETRY_AFTER), status == 503, "{problem:?}");
    }
}

#[test]
fn every_tag_is_a_metric_label() {
    for (problem, _, tag) in table() {
        let counted = match problem {
            Problem::Refused(_) => tags::REFUSED,
            Problem::Rejected(..) => tags::REJECTED,
            _ => tags::TURNED_AWAY,
        };
        assert!(counted.contains(&tag), "{tag} is in no list");
    }
    assert!(tags::REJECTED.contains(&Rejection::UnknownType.tag()));
}

#[test]
fn violation_names_path_and_types_but_no_value() {
    let document = document(&Problem::Rejected(id(), violation()));
    assert_eq!(document["event_id"], id());
    assert_eq!(document["pointer"], "/data/duration");
    assert_eq!(document["expected"], "integer");
    assert_eq!(document["found"], "string");
}

#[test]
fn unknown_members_are_omitted() {
    let document = document(&Problem::UnknownPath);
    let members: Vec<_> = document.as_object().unwrap().keys().collect();
    assert_eq!(members, ["status", "title", "type"]);
}

#[test]
fn wrong_method_and_encoding_get_the_supported_ones() {
    assert_eq!(Problem::Method("GET, HEAD").response().headers().get(ALLOW).unwrap(), "GET, HEAD");
    let response = Problem::UnsupportedEncoding.response();
    assert_eq!(response.headers().get(ACCEPT_ENCODING).unwrap(), "gzip, deflate, identity");
}
