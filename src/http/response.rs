//! Response to an outcome.

use super::problem::Problem;
use crate::ingest::{DeadLetterAnswer, Outcome, Rejection};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use bytes::Bytes;

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

pub(super) fn probe() -> HttpResponse {
    json(StatusCode::OK, Bytes::from_static(br#"{"outcome":"probe"}"#))
}

pub(super) fn json(status: StatusCode, body: Bytes) -> HttpResponse {
    let mut response = HttpResponse::with_body(status, body).map_into_boxed_body();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// One allocation and no escaping, because an event id is plain ASCII.
fn success(id: &str, outcome: &str) -> HttpResponse {
    json(StatusCode::OK, Bytes::from([r#"{"id":""#, id, r#"","outcome":""#, outcome, r#""}"#].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::Refusal;
    use actix_web::body::MessageBody;
    use justcall_events::{BodyHash, EventId, Malformed};

    fn id() -> EventId {
        EventId::from_request_id("01HXYZ0123456789ABCDEFGHJK").unwrap()
    }

    fn answered(outcome: Outcome, rejected: DeadLetterAnswer) -> (u16, String) {
        let response = response(outcome, rejected);
        let status = response.status().as_u16();
        let body = response.into_body().try_into_bytes().unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    fn success(outcome: &str) -> (u16, String) {
        (200, format!(r#"{{"id":"01HXYZ0123456789ABCDEFGHJK","outcome":"{outcome}"}}"#))
    }

    #[test]
    fn durable_event_is_answered_with_its_id() {
        assert_eq!(answered(Outcome::Acked(id()), DeadLetterAnswer::Problem), success("acked"));
        assert_eq!(answered(Outcome::Duplicate(id()), DeadLetterAnswer::Problem), success("duplicate"));
        let hashed = EventId::from_hash(&BodyHash::of(b"{}"));
        let (_, body) = answered(Outcome::Acked(hashed), DeadLetterAnswer::Problem);
        assert_eq!(body, r#"{"id":"44136fa355b3678a1146ad16f7e8649e","outcome":"acked"}"#);
    }

    #[test]
    fn probe_has_no_id() {
        assert_eq!(
            answered(Outcome::Probe, DeadLetterAnswer::Problem),
            (200, r#"{"outcome":"probe"}"#.to_owned())
        );
    }

    #[test]
    fn unknown_type_is_answered_200() {
        let outcome = Outcome::DeadLettered(id(), Rejection::UnknownType);
        assert_eq!(answered(outcome, DeadLetterAnswer::Problem), success("dead_lettered"));
    }

    #[test]
    fn status_of_rejected_events_is_configurable() {
        for rejection in [Malformed::NotJson, Malformed::Ambiguous].map(Rejection::Malformed) {
            let outcome = Outcome::DeadLettered(id(), rejection);
            assert_eq!(answered(outcome.clone(), DeadLetterAnswer::Ok), success("dead_lettered"));
            assert!((400..500).contains(&answered(outcome, DeadLetterAnswer::Problem).0));
        }
    }

    #[test]
    fn refusal_is_503_for_every_setting_of_rejections() {
        assert_eq!(answered(Outcome::Refused(Refusal::Kafka), DeadLetterAnswer::Ok).0, 503);
    }
}
