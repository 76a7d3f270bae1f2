use super::events::{documented_with, gzip, unknown};
use super::markers::{contains_marker, marker, number};
use super::trace_level_logs::{FORMATS, VerboseBridge};
use crate::kit::bridge::{PATH, UNSIGNED};
use crate::kit::kafka::Kafka;

fn bodies() -> Vec<(Vec<u8>, &'static str)> {
    let name = marker("name");
    let violating = |field: &str| documented_with(&format!(",{field}"));
    let event = |kind: &str, time: &str, data: &str| {
        format!(r#"{{"event":"{kind}","timestamp":"{time}","data":{{{data}}}}}"#).into_bytes()
    };
    let time = "2026-03-12T14:30:00Z";
    vec![
        (format!("{name} is no JSON").into_bytes(), "400 not_json"),
        ([br#"{"event":""#.as_slice(), name.as_bytes(), b"\xff"].concat(), "400 not_json"),
        (format!(r#"{{"event":"{name}","data":{{"x":01}}}}"#).into_bytes(), "400 not_json"),
        (format!(r#"["{name}"]"#).into_bytes(), "400 not_an_envelope"),
        (format!(r#"{{"event":["{name}"],"data":{{}}}}"#).into_bytes(), "400 not_an_envelope"),
        (format!(r#"{{"event":"{name}\u0007","data":{{}}}}"#).into_bytes(), "400 not_an_envelope"),
        (format!(r#"{{"event":"a","event":"{name}","data":{{}}}}"#).into_bytes(), "400 not_an_envelope"),
        (
            format!(r#"{{"event":"{name}","type":"{name}","data":{{}}}}"#).into_bytes(),
            "400 ambiguous_dialect",
        ),
        (event("call.completed", &name, r#""call_id":"c""#), "422 contract_violation"),
        (event("call.completed", time, &format!(r#""call_id":["{name}"]"#)), "422 contract_violation"),
        (event("call.completed", time, &format!(r#""call_id":{{"{name}":1}}"#)), "422 contract_violation"),
        (violating(r#""duration":"later""#), "422 contract_violation"),
        (violating(&format!(r#""notes":"{name}""#)), "422 contract_violation"),
        (violating(&format!(r#""from":"{name}""#)), "422 contract_violation"),
        (
            event(
                "contact.updated",
                time,
                &format!(r#""contact_id":1,"changed_fields":["{name}",{}]"#, number()),
            ),
            "422 contract_violation",
        ),
        (
            format!(
                r#"{{"type":"call.completed","request_id":{},"data":{{"call_sid":"{name}"}}}}"#,
                number()
            )
            .into_bytes(),
            "422 contract_violation",
        ),
        (
            format!(r#"{{"type":"sms.received","webhook_url":"{name}","data":{{"id":{}.5}}}}"#, number())
                .into_bytes(),
            "422 contract_violation",
        ),
        (unknown(), "200 dead_lettered"),
    ]
}

#[test]
fn rejected_events_are_shown_in_dead_letters_only() {
    for (format, answer) in FORMATS.into_iter().zip(["problem", "ok"]) {
        let mode = format!("dead_letter.answer={answer}");
        let settings = [UNSIGNED, &mode, "unknown_events=dead_letter", "sources.main.validation=strict"];
        let bridge = VerboseBridge::start(format, Kafka::shared().bootstrap(), &settings, &[]);
        bridge.wait_ready(true);
        let bodies = bodies();
        for (body, expected) in &bodies {
            let expected = if answer == "ok" { "200 dead_lettered" } else { expected };
            assert_eq!(bridge.post(body), expected, "{}", String::from_utf8_lossy(body));
        }
        assert_eq!(bridge.post(&bodies[0].0), "200 duplicate");
        let mut broken = gzip(marker("packed").as_bytes());
        broken.truncate(broken.len() - 4);
        let response = bridge.post_with(PATH, &[("content-encoding", "gzip")], &broken);
        assert_eq!(response, if answer == "ok" { "200 dead_lettered" } else { "400 not_json" });
        let records = bridge.records("dead-letter", bodies.len() + 1);
        for (body, expected) in &bodies {
            assert!(contains_marker(body));
            assert!(records.iter().any(|read| read.value == *body), "{expected} was kept");
        }
        for letter in &records {
            assert!(!contains_marker(letter.header("dlq_detail").expect("a reason").as_bytes()));
        }
        bridge.finish();
    }
}
