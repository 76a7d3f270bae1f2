use super::Condition;
use crate::routing::field_values::FieldTable;
use crate::routing::pointer::Pointer;
use crate::routing::{Operator, Predicate};

fn condition(pointer: &str, wanted: Operator, ignore_case: bool) -> Result<Condition, String> {
    let pointed = FieldTable::default().add(Pointer::parse(pointer).unwrap());
    Condition::new(pointed, Predicate { operator: wanted, ignore_case })
}

fn one_of(texts: &[&str]) -> Operator {
    Operator::OneOf(texts.iter().map(|text| (*text).into()).collect())
}

fn prefix(texts: &[&str]) -> Operator {
    Operator::Prefix(texts.iter().map(|text| (*text).into()).collect())
}

#[test]
fn conditions_without_meaning_are_refused() {
    for (wanted, ignore_case, fault) in [
        (one_of(&[]), false, "is an empty list"),
        (prefix(&[]), false, "is an empty list"),
        (prefix(&["+1", ""]), false, "has an empty prefix"),
        (Operator::Exists(true), true, "`ignore_case` has no effect"),
    ] {
        assert!(condition("/data/a", wanted, ignore_case).unwrap_err().contains(fault), "{fault}");
    }
    assert!(condition("/data/a", one_of(&[""]), false).is_ok(), "an empty text can be asked for");
}

#[test]
fn conditions_are_shown_as_phrases() {
    let said = |wanted, ignore_case| condition("/data/a", wanted, ignore_case).unwrap().to_string();
    assert_eq!(said(one_of(&["x"]), false), r#"/data/a is "x""#);
    assert_eq!(said(one_of(&["X", "y"]), true), r#"/data/a is "x" or "y" in any case"#);
    assert_eq!(said(prefix(&["+49"]), false), r#"/data/a begins with "+49""#);
    assert_eq!(said(Operator::Exists(true), false), "/data/a is there");
    assert_eq!(said(Operator::Exists(false), false), "/data/a is not there");
}

fn named(field: &str, wanted: Operator, ignore_case: bool) -> Result<Condition, String> {
    let pointed = FieldTable::default().read(field).unwrap();
    Condition::new(pointed, Predicate { operator: wanted, ignore_case })
}

#[test]
fn texts_of_a_named_field_are_normalised() {
    let said = |field, wanted, ignore_case| named(field, wanted, ignore_case).unwrap().to_string();
    assert_eq!(
        said("direction", one_of(&["Incoming", "outbound"]), false),
        r#"direction is "inbound" or "outbound""#
    );
    assert_eq!(said("direction", one_of(&["OUTGOING"]), true), r#"direction is "outbound" in any case"#);
    assert_eq!(
        said("from", one_of(&["14155550123", "72872"]), false),
        r#"from is "+14155550123" or "72872""#
    );
    assert_eq!(said("to", prefix(&["+1415"]), false), r#"to begins with "+1415""#);
    assert_eq!(said("agent", one_of(&["17"]), false), r#"agent is "17""#);
}

#[test]
fn impossible_texts_of_a_named_field_are_refused() {
    for (field, wanted, fault) in [
        ("direction", one_of(&["inbound", "inbond"]), "can only be `inbound` or `outbound`"),
        ("direction", prefix(&["Inc"]), "can only be `inbound` or `outbound`"),
        ("direction", prefix(&[""]), "has an empty prefix"),
        ("from", prefix(&["+49", "1415"]), "begins with a digit"),
        ("contact_number", one_of(&[""]), "an empty text"),
    ] {
        assert!(named(field, wanted, false).unwrap_err().contains(fault), "{field}: {fault}");
    }
    assert!(named("agent", prefix(&["1"]), false).is_ok());
}

#[test]
fn condition_implies_only_wider_ones() {
    let cases = [
        ((one_of(&["a"]), false), (one_of(&["a", "b"]), false), true),
        ((one_of(&["a", "b"]), false), (one_of(&["a"]), false), false),
        ((one_of(&["abc"]), false), (prefix(&["ab"]), false), true),
        ((prefix(&["abc"]), false), (prefix(&["x", "ab"]), false), true),
        ((prefix(&["ab"]), false), (prefix(&["abc"]), false), false),
        ((prefix(&["a"]), false), (one_of(&["a"]), false), false),
        ((one_of(&["a"]), false), (Operator::Exists(true), false), true),
        ((one_of(&["a"]), false), (Operator::Exists(false), false), false),
        ((Operator::Exists(true), false), (one_of(&["a"]), false), false),
        ((Operator::Exists(false), false), (Operator::Exists(false), false), true),
        ((Operator::Exists(true), false), (Operator::Exists(false), false), false),
        ((one_of(&["A"]), false), (one_of(&["a"]), true), true),
        ((one_of(&["a"]), true), (one_of(&["a"]), false), false),
    ];
    for ((wanted, ignore_case), (other, others_ignore_case), expected) in cases {
        let narrow = condition("/data/a", wanted, ignore_case).unwrap();
        let wide = condition("/data/a", other, others_ignore_case).unwrap();
        assert_eq!(narrow.implies(&wide), expected, "{narrow} / {wide}");
        let elsewhere = Condition {
            field: {
                let mut pointers = FieldTable::default();
                pointers.add(Pointer::parse("/data/a").unwrap());
                pointers.add(Pointer::parse("/data/b").unwrap())
            },
            ..wide
        };
        assert!(!narrow.implies(&elsewhere), "another field");
    }
}

/// [`Condition::implies`] relies on it.
#[test]
fn lower_case_is_idempotent() {
    for each in '\0'..=char::MAX {
        let once: String = super::lower(&each.to_string()).collect();
        assert!(super::lower(&once).eq(once.chars()), "{each:?}");
    }
}
