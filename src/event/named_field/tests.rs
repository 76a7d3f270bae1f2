use super::*;
use std::collections::BTreeSet;

#[test]
fn names_are_unique_and_read_back() {
    for field in NamedField::ALL {
        assert_eq!(NamedField::from_name(field.name()), Some(*field));
        assert!(!field.name().starts_with('/'), "{} would read as a JSON pointer", field.name());
    }
    assert_eq!(NamedField::from_name("Direction"), None);
}

#[test]
fn every_field_has_a_place_in_both_dialects() {
    for field in NamedField::ALL {
        for dialect in Dialect::ALL {
            let places = Family::ALL.map(|family| field.places(dialect, family).len());
            assert!(places.iter().sum::<usize>() > 0, "{} in the {dialect} dialect", field.name());
        }
    }
}

/// The routes compile one lookup of the direction for fields that depend on it.
#[test]
fn direction_depends_on_no_other_field_and_places_are_in_data() {
    for (dialect, family) in
        Dialect::ALL.into_iter().flat_map(|each| Family::ALL.map(|family| (each, family)))
    {
        let direction = NamedField::Direction.places(dialect, family);
        assert!(direction.iter().all(|place| place.direction.is_none()));
        for field in NamedField::ALL {
            for place in field.places(dialect, family) {
                assert!(place.pointer.starts_with("/data/"), "{place:?}");
                assert!(place.direction.is_none() || !direction.is_empty(), "{place:?} needs a direction");
            }
        }
    }
}

/// Returns the pointers that a text names, each once.
fn pointers(text: &str) -> BTreeSet<&str> {
    text.split('`').filter(|part| part.starts_with("/data/")).collect()
}

#[test]
fn documentation_lists_the_places_of_every_field() {
    let document = include_str!("../../../docs/MAPPING.md");
    let example = include_str!("../../../config/bridge.yaml");
    for field in NamedField::ALL {
        let row = document.lines().find(|line| line.starts_with(&format!("| `{}` | ", field.name())));
        let columns: Vec<_> = row.unwrap_or_else(|| panic!("{}", field.name())).split('|').collect();
        for (dialect, column) in Dialect::ALL.into_iter().zip(&columns[3..]) {
            let places = Family::ALL.into_iter().flat_map(|family| field.places(dialect, family));
            let expected: BTreeSet<_> = places.map(|place| place.pointer).collect();
            assert_eq!(pointers(column), expected, "{} in the {dialect} dialect", field.name());
        }
    }
    let names: Vec<_> = NamedField::ALL.iter().map(|field| field.name()).collect();
    let comment = example.lines().filter_map(|line| line.strip_prefix("# ")).collect::<Vec<_>>().join(" ");
    assert!(comment.contains(&format!("({})", names.join(", "))), "config/bridge.yaml lists the names");
}

#[test]
fn values_are_normalised_to_one_spelling() {
    let normal = |field: NamedField, text: &str| field.normalize(Cow::Borrowed(text)).into_owned();
    for (text, expected) in [
        ("inbound", "inbound"),
        ("Incoming", "inbound"),
        ("INCOMING", "inbound"),
        ("Outgoing", "outbound"),
        ("outbound", "outbound"),
        ("internal", "internal"),
    ] {
        assert_eq!(normal(NamedField::Direction, text), expected);
    }
    for (text, expected) in [
        ("14155550123", "+14155550123"),
        ("+14155550123", "+14155550123"),
        ("2904567", "+2904567"),
        ("728728", "728728"),
        ("1234567890123456", "1234567890123456"),
        ("JUSTCALL", "JUSTCALL"),
        ("(415) 555-0123", "(415) 555-0123"),
    ] {
        for field in NamedField::ALL.iter().filter(|field| field.is_phone()) {
            assert_eq!(normal(*field, text), expected, "{}", field.name());
        }
    }
    assert_eq!(normal(NamedField::Agent, "14155550123"), "14155550123");
    assert!(matches!(NamedField::From.normalize(Cow::Borrowed("+1415")), Cow::Borrowed(_)));
}
