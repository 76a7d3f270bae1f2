use super::mutations;
use super::verdicts;
use justcall_events::{
    BodyHash, Dialect, EventType, KnownType, Scanned, Validation, scan, schema, schema_of_unknown,
};
use serde_json::{Value, json};

const MODES: [Validation; 3] = [Validation::Documented, Validation::Tolerant, Validation::Strict];

fn every_type() -> impl Iterator<Item = (KnownType, Dialect)> {
    let both = |known: &KnownType| [(*known, Dialect::Documented), (*known, Dialect::Live)];
    KnownType::ALL.iter().flat_map(both)
}

fn accepted(body: &str, dialect: Dialect, validation: Validation) -> Option<String> {
    let Ok(Scanned::Envelope(envelope)) = scan(body.as_bytes()) else { return None };
    let event = envelope.validate(validation, &BodyHash::of(body.as_bytes())).ok()?;
    (event.dialect == dialect).then(|| event.event_type.name().to_owned())
}

#[test]
fn schema_accepts_exactly_the_bodies_that_the_bridge_accepts() {
    let mut cases = Vec::new();
    let mut expected = Vec::new();
    for (known, dialect) in every_type() {
        let bodies: Vec<String> = mutations::of(known, dialect).iter().map(Value::to_string).collect();
        for validation in MODES {
            let by_bridge =
                |body: &String| accepted(body, dialect, validation).as_deref() == Some(known.name());
            expected.push(bodies.iter().map(by_bridge).collect::<Vec<_>>());
            cases.push(json!({ "schema": schema(known, dialect, validation), "instances": bodies }));
        }
    }
    let mut differences = Vec::new();
    let (mut taken, mut turned_away) = (0, 0);
    for ((case, expected), answer) in cases.iter().zip(&expected).zip(verdicts("accepts", &cases)) {
        let bodies = case["instances"].as_array().expect("bodies");
        let answer = answer.as_array().expect("a verdict for each");
        for ((body, by_bridge), by_schema) in bodies.iter().zip(expected).zip(answer) {
            *if *by_bridge { &mut taken } else { &mut turned_away } += 1;
            if by_schema != by_bridge {
                differences.push(format!(
                    "{}: bridge {by_bridge}, schema {by_schema}: {body}",
                    case["schema"]["title"]
                ));
            }
        }
    }
    let some = &differences[..differences.len().min(20)];
    assert!(differences.is_empty(), "{} differ, such as\n{}", differences.len(), some.join("\n"));
    assert!(taken > 10_000 && turned_away > 10_000, "{taken} accepted, {turned_away} rejected");
}

/// Validators may assert `format`. Only the documented dialect has fields with one.
#[test]
fn no_format_rejects_what_the_bridge_accepts() {
    let mut cases = Vec::new();
    let dialect = Dialect::Documented;
    for known in KnownType::ALL.iter().copied() {
        let bodies: Vec<String> = mutations::of(known, dialect).iter().map(Value::to_string).collect();
        for validation in MODES {
            let is_accepted =
                |body: &&String| accepted(body, dialect, validation).as_deref() == Some(known.name());
            let instances: Vec<_> = bodies.iter().filter(is_accepted).collect();
            cases.push(json!({ "schema": schema(known, dialect, validation), "instances": instances }));
        }
    }
    for (case, answer) in cases.iter().zip(verdicts("accepts_with_formats", &cases)) {
        let rejected =
            answer.as_array().expect("a verdict for each").iter().position(|taken| *taken == false);
        let body = rejected.map(|at| &case["instances"][at]);
        assert_eq!(body, None, "{}", case["schema"]["title"]);
    }
}

#[test]
fn schema_of_unknown_types_excludes_known_types() {
    let control = "a\u{7}b";
    let long = "x".repeat(257);
    let mut names: Vec<&str> = vec!["call.transferred", "", "näher", control, &long, &long[1..]];
    names.extend(KnownType::ALL.iter().map(|known| known.name()));
    for (dialect, marker) in [(Dialect::Documented, "event"), (Dialect::Live, "type")] {
        let body = |name: &&str| json!({ marker: name, "data": {} }).to_string();
        let bodies: Vec<_> = names.iter().map(body).collect();
        let is_unknown = |body: &String| match scan(body.as_bytes()) {
            Ok(Scanned::Envelope(envelope)) => matches!(envelope.event_type, EventType::Unknown(_)),
            _ => false,
        };
        let expected: Vec<_> = bodies.iter().map(is_unknown).collect();
        let answer =
            verdicts("accepts", &[json!({ "schema": schema_of_unknown(dialect), "instances": bodies })]);
        assert_eq!(answer[0], json!(expected), "{dialect}");
    }
}

/// JSON Schema cannot express the rules; docs/reference/schemas.md lists them.
#[test]
fn documented_differences_exist() {
    let long = format!("\"{}\"", "é".repeat(200));
    let at = "\"timestamp\":\"2026-03-12T14:30:00Z\"";
    let cases = [
        (
            "a field twice",
            format!(r#"{{"event":"sms.sent",{at},"data":{{"message_id":"a","body":"b","body":"c"}}}}"#),
        ),
        (
            "a whole number with a fraction",
            format!(r#"{{"event":"sms.sent",{at},"data":{{"message_id":"a","agent_id":1.0}}}}"#),
        ),
        (
            "a whole number with an exponent",
            format!(r#"{{"event":"sms.sent",{at},"data":{{"message_id":"a","agent_id":1e2}}}}"#),
        ),
        ("a negative zero", r#"{"type":"sms.sent","data":{"id":-0}}"#.to_owned()),
        (
            "half of a surrogate pair",
            format!(r#"{{"event":"sms.sent",{at},"data":{{"message_id":"a","body":"\ud83d"}}}}"#),
        ),
        ("bytes, not characters", format!(r#"{{"event":"sms.sent",{at},"data":{{"message_id":{long}}}}}"#)),
        (
            "a day that no month has",
            r#"{"event":"sms.sent","timestamp":"2026-02-30T14:30:00Z","data":{"message_id":"a"}}"#.to_owned(),
        ),
        (
            "a number beyond 64 bits in a string",
            format!(r#"{{"event":"contact.created",{at},"data":{{"contact_id":"99999999999999999999"}}}}"#),
        ),
    ];
    for (difference, body) in cases {
        let dialect = if body.contains("\"event\"") { Dialect::Documented } else { Dialect::Live };
        let name = if body.contains("contact") { KnownType::ContactCreated } else { KnownType::SmsSent };
        let answer = verdicts(
            "accepts",
            &[json!({ "schema": schema(name, dialect, Validation::Documented), "instances": [body] })],
        );
        assert_eq!(answer[0], json!([true]), "{difference}: the schema rejects it");
        assert_eq!(
            accepted(&body, dialect, Validation::Documented),
            None,
            "{difference}: the bridge accepts it"
        );
    }
}
