use super::{Facts, Judged, Rules, Verdict};
use crate::ingest::{
    Config, DeadLetterAnswer, DeadLetterConfig, DeduplicationConfig, Rejection, SignatureConfig, SourceConfig,
};
use crate::routing::{self, Match, RouteConfig, Table, Test, UnknownEvents, Wanted};
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

fn rules(sources: Vec<SourceConfig>, routes: Vec<RouteConfig>) -> Rules {
    let config = Config {
        sources,
        dead_letter: DeadLetterConfig { topic: "dead".into(), answer: DeadLetterAnswer::Problem },
        deduplication: DeduplicationConfig { window: Duration::ZERO, capacity: 1 },
    };
    let unknown_events = UnknownEvents::DeadLetter;
    let routing = routing::Config { prefix: "j.".into(), templates: Vec::new(), routes, unknown_events };
    Rules::new(&config, Table::compile(&routing).unwrap())
}

fn judge(rules: &Rules, source: usize, body: &'static str) -> Option<Judged> {
    let body = Bytes::from_static(body.as_bytes());
    let received_at = DateTime::<Utc>::UNIX_EPOCH;
    let facts = Facts { source, received_at, signed_at: None, trace: None };
    rules.judge(rules.read(&body), &body, &facts)
}

#[test]
fn events_are_forwarded_dropped_or_rejected() {
    let inbound = Test { wanted: Wanted::OneOf(vec!["inbound".into()]), ignore_case: false };
    let dropping = RouteConfig {
        matches: vec![Match::Pattern("call.*".into())],
        when: [("/data/direction".into(), inbound)].into(),
        drop: Some(true),
        ..RouteConfig::default()
    };
    let rules = rules(vec![source("main", Validation::Documented)], vec![dropping]);
    let verdict = |body| judge(&rules, 0, body).expect("no probe").verdict;
    let call = r#"{"event":"call.missed","timestamp":"2026-01-02T03:04:05Z","data":{"call_id":"c","direction":"inbound"}}"#;
    assert!(matches!(verdict(call), Verdict::Dropped));
    let other = r#"{"event":"call.missed","timestamp":"2026-01-02T03:04:05Z","data":{"call_id":"c","direction":"x"}}"#;
    match verdict(other) {
        Verdict::Forwarded(records) => assert_eq!(&*records[0].topic, "j.call.missed"),
        other => panic!("{other:?}"),
    }
    for (body, reason) in [
        ("nonsense", "not_json"),
        (r#"{"event":"sms.sent","timestamp":"2026-01-02T03:04:05Z","data":{}}"#, "contract_violation"),
        (r#"{"type":"party.started","data":{}}"#, "unknown_type"),
    ] {
        match verdict(body) {
            Verdict::Rejected(rejection, letter) => {
                assert_eq!((rejection.tag(), &*letter[0].topic), (reason, "dead"));
                assert_eq!(letter[0].headers.get("dlq_source"), Some(&b"main"[..]));
                assert_eq!(letter[0].value, body.as_bytes());
            }
            other => panic!("{body}: {other:?}"),
        }
    }
}

#[test]
fn probes_come_to_nothing() {
    let rules = rules(vec![source("main", Validation::Strict)], Vec::new());
    assert!(judge(&rules, 0, "").is_none() && judge(&rules, 0, r#"{"event":"call.missed"}"#).is_none());
}

#[test]
fn each_source_has_its_own_strictness_and_name() {
    let rules =
        rules(vec![source("a", Validation::Tolerant), source("b", Validation::Documented)], Vec::new());
    let body = r#"{"event":"call.missed","timestamp":"never","data":{"call_id":"c"}}"#;
    let tolerated = judge(&rules, 0, body).unwrap();
    let Verdict::Forwarded(records) = tolerated.verdict else { panic!("tolerant") };
    assert_eq!((tolerated.violations, records[0].headers.get("ce_source")), (1, Some(&b"/justcall/a"[..])));
    let verdict = judge(&rules, 1, body).unwrap().verdict;
    assert!(matches!(verdict, Verdict::Rejected(why, _) if matches!(*why, Rejection::Violation(_))));
}
