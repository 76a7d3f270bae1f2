use super::*;

#[test]
fn each_dialect_lists_as_many_types_as_justcall_documents() {
    let listed = |dialect| KnownType::ALL.iter().filter(|known| known.is_listed_in(dialect)).count();
    assert_eq!((listed(Dialect::Documented), listed(Dialect::Live)), (9, 23));
}

#[test]
fn every_known_type_is_found_by_its_name_and_stands_at_its_index() {
    for (at, known) in KnownType::ALL.iter().enumerate() {
        assert_eq!(KnownType::from_name(known.name()), Some(*known));
        assert_eq!(known.index(), at);
        assert!(known.is_listed_in(Dialect::Documented) || known.is_listed_in(Dialect::Live), "{known}");
    }
}

#[test]
fn every_family_is_found_by_its_name_and_stands_at_its_index() {
    for (at, family) in Family::ALL.into_iter().enumerate() {
        assert_eq!(Family::from_name(family.name()), Some(family));
        assert_eq!(family.index(), at);
    }
    assert_eq!(Family::from_name("Call"), None);
}

#[test]
fn the_family_that_a_name_tells_is_the_one_in_the_catalogue() {
    for known in KnownType::ALL {
        assert_eq!(Family::of_name(known.name()), Some(known.family()), "{known}");
    }
}

#[test]
fn a_type_that_justcall_may_add_tells_its_family_by_its_prefix() {
    for (name, family) in [
        ("call.transferred", Some(Family::Call)),
        ("voicemail.deleted", Some(Family::Call)),
        ("sd.call_started", Some(Family::Call)),
        ("sms.optout", Some(Family::Sms)),
        ("whatsapp.reaction", Some(Family::Whatsapp)),
        ("contact.deleted", Some(Family::Contact)),
        ("appointment.cancelled", Some(Family::Appointment)),
        ("caller.id", None),
        ("CALL.completed", None),
        ("", None),
    ] {
        assert_eq!(Family::of_name(name), family, "{name}");
    }
}

#[test]
fn an_unlisted_name_is_kept_as_it_came() {
    let event_type = EventType::from_name(Cow::Borrowed("sms.optin"));
    assert_eq!((event_type.name(), event_type.known()), ("sms.optin", None));
    assert_eq!(event_type.family(), Some(Family::Sms));
}
