use super::{Conditions, HeaderValues};
use crate::config::schema::visitor::ValueType;
use crate::config::yaml::parse;
use crate::routing::{HeaderValue, Operator, Predicate};
use std::fmt::Debug;

/// Parses a value, and again as it is printed.
fn read<T: PartialEq + Debug>(value_type: impl ValueType<T>, yaml: &str) -> Result<T, String> {
    let parse = |yaml: &str| value_type.parse(&parse(yaml, |_| String::new()).unwrap());
    let value = parse(yaml)?;
    let mut printed = String::new();
    yaml_rust2::YamlEmitter::new(&mut printed).dump(&value_type.to_yaml(&value)).unwrap();
    assert_eq!(parse(&printed).as_ref(), Ok(&value), "{printed}");
    Ok(value)
}

fn test(yaml: &str) -> Result<Predicate, String> {
    let mut tests = read(Conditions, &format!("{{ /data/Mixed: {yaml} }}"))?;
    Ok(tests.remove("/data/Mixed").expect("the pointer as it was written"))
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).into()).collect()
}

#[test]
fn conditions_are_a_value_a_list_or_a_map() {
    let exactly = |wanted| Ok(Predicate { operator: wanted, ignore_case: false });
    assert_eq!(test("inbound"), exactly(Operator::OneOf(texts(&["inbound"]))));
    assert_eq!(test("42"), exactly(Operator::OneOf(texts(&["42"]))));
    assert_eq!(test("true"), exactly(Operator::OneOf(texts(&["true"]))));
    assert_eq!(test("[a, 1]"), exactly(Operator::OneOf(texts(&["a", "1"]))));
    assert_eq!(test("'a, b'"), exactly(Operator::OneOf(texts(&["a, b"]))));
    assert_eq!(test("{ equals: a }"), exactly(Operator::OneOf(texts(&["a"]))));
    assert_eq!(test("{ prefix: '+49' }"), exactly(Operator::Prefix(texts(&["+49"]))));
    assert_eq!(test("{ prefix: [a, b] }"), exactly(Operator::Prefix(texts(&["a", "b"]))));
    assert_eq!(test("{ exists: false }"), exactly(Operator::Exists(false)));
    let loosely = Predicate { operator: Operator::OneOf(texts(&["a"])), ignore_case: true };
    assert_eq!(test("{ one_of: [a], ignore_case: true }"), Ok(loosely));
}

#[test]
fn conditions_can_be_on_named_fields() {
    let found = read(Conditions, "{ direction: inbound, from: { prefix: '+49' } }").unwrap();
    assert_eq!(found["direction"].operator, Operator::OneOf(texts(&["inbound"])));
    assert_eq!(found["from"].operator, Operator::Prefix(texts(&["+49"])));
}

#[test]
fn conditions_without_one_operator_are_refused() {
    for (yaml, fault) in [
        ("{}", "`/data/Mixed` must have one of `equals`"),
        ("{ ignore_case: true }", "must have one of"),
        ("{ exists: true, prefix: a }", "must have one of"),
        ("{ not: a }", "has the unknown operator `not`"),
        ("{ exists: maybe }", "must be `true` or `false`"),
        ("[[a]]", "must be one value, not a list"),
    ] {
        let found = test(yaml).unwrap_err();
        assert!(found.contains(fault), "{yaml}: {found}");
    }
    assert!(
        read(Conditions, "inbound").unwrap_err().contains("from JSON pointers or named fields to values")
    );
}

#[test]
fn headers_are_texts_or_read_from_the_event() {
    let headers = read(
        HeaderValues,
        "{ Team: voice, agent: { from: /data/a }, id: { from: [/data/b, /data/c] }, number: { from: [from, /data/d] } }",
    );
    let expected = [
        ("number", HeaderValue::From(texts(&["from", "/data/d"]))),
        ("Team", HeaderValue::Text("voice".into())),
        ("agent", HeaderValue::From(texts(&["/data/a"]))),
        ("id", HeaderValue::From(texts(&["/data/b", "/data/c"]))),
    ];
    assert_eq!(headers, Ok(expected.map(|(name, value)| (name.to_owned(), value)).into()));
    for yaml in ["{ a: { pointer: /x } }", "{ a: { from: /x, else: y } }", "{ a: [x] }"] {
        assert!(read(HeaderValues, yaml).is_err(), "{yaml}");
    }
}
