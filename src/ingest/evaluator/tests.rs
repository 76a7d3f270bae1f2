use super::{Disposition, Evaluated, Evaluator};
use crate::ingest::SignatureConfig;
use crate::ingest::{
    Config, DeadLetterAnswer, DeadLetterConfig, DeduplicationConfig, Rejection, SourceConfig,
};
use crate::routing::{self, Match, Operator, Predicate, RouteConfig, RouteTable, UnknownEvents};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use justcall_events::Validation;
use std::time::Duration;

fn source(name: &str, validation: Validation) -> SourceConfig {
    SourceConfig {
        name: name.into(),
        path: format!("/{name}"),
        validation,
        signature: SignatureConfig::default(),
        token: None,
        token_file: None,
    }
}

fn evaluator(sources: Vec<SourceConfig>, routes: Vec<RouteConfig>) -> Evaluator {
    let config = Config {
        sources,
        dead_letter: DeadLetterConfig { topic: "dead".into(), answer: DeadLetterAnswer::Problem },
        deduplication: DeduplicationConfig { window: Duration::ZERO, capacity: 1 },
    };
    let unknown_events = UnknownEvents::DeadLetter;
    let routing = routing::Config { prefix: "j.".into(), templates: Vec::new(), routes, unknown_events };
    Evaluator::new(&config, RouteTable::compile(&routing).unwrap())
}

fn evaluate(evaluator: &Evaluator, source: usize, body: &'static str) -> Option<Evaluated> {
    let body = Bytes::from_static(body.as_bytes());
    let scanned = evaluator.scan(source, &body);
    let context = scanned.context(DateTime::<Utc>::UNIX_EPOCH);
    evaluator.evaluate(scanned, &context)
}

#[test]
fn events_are_forwarded_dropped_or_rejected() {
    let inbound = Predicate { operator: Operator::OneOf(vec!["inbound".into()]), ignore_case: false };
    let dropping = RouteConfig {
        matches: vec![Match::Pattern("call.*".into())],
        when: [("/data/direction".into(), inbound)].into(),
        drop: Some(true),
        ..RouteConfig::default()
    };
    let evaluator = evaluator(vec![source("main", Validation::Documented)], vec![dropping]);
    let disposition = |body| evaluate(&evaluator, 0, body).expect("no probe").disposition;
    let call = r#"{"event":"call.missed","timestamp":"2026-01-02T03:04:05Z","data":{"call_id":"c","direction":"inbound"}}"#;
    assert!(matches!(disposition(call), Disposition::Drop));
    let other = r#"{"event":"call.missed","timestamp":"2026-01-02T03:04:05Z","data":{"call_id":"c","direction":"x"}}"#;
    match disposition(other) {
        Disposition::Forward(records) => assert_eq!(&*records[0].topic, "j.call.missed"),
        other => panic!("{other:?}"),
    }
    for (body, reason) in [
        ("nonsense", "not_json"),
        (r#"{"event":"sms.sent","timestamp":"2026-01-02T03:04:05Z","data":{}}"#, "contract_violation"),
        (r#"{"type":"party.started","data":{}}"#, "unknown_type"),
    ] {
        match disposition(body) {
            Disposition::Reject(rejection, letter) => {
                assert_eq!((rejection.tag(), &*letter[0].topic), (reason, "dead"));
                assert_eq!(letter[0].headers.get("dlq_source"), Some(&b"main"[..]));
                assert_eq!(letter[0].value, body.as_bytes());
            }
            other => panic!("{body}: {other:?}"),
        }
    }
}

#[test]
fn probes_are_not_evaluated() {
    let evaluator = evaluator(vec![source("main", Validation::Strict)], Vec::new());
    assert!(
        evaluate(&evaluator, 0, "").is_none()
            && evaluate(&evaluator, 0, r#"{"event":"call.missed"}"#).is_none()
    );
}

#[test]
fn each_source_has_its_own_validation_and_name() {
    let evaluator =
        evaluator(vec![source("a", Validation::Tolerant), source("b", Validation::Documented)], Vec::new());
    let body = r#"{"event":"call.missed","timestamp":"never","data":{"call_id":"c"}}"#;
    let tolerated = evaluate(&evaluator, 0, body).unwrap();
    let Disposition::Forward(records) = tolerated.disposition else { panic!("tolerant") };
    assert_eq!((tolerated.violations, records[0].headers.get("ce_source")), (1, Some(&b"/justcall/a"[..])));
    let disposition = evaluate(&evaluator, 1, body).unwrap().disposition;
    assert!(matches!(disposition, Disposition::Reject(why, _) if matches!(*why, Rejection::Violation(_))));
}
