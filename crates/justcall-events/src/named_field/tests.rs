use super::*;

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
