use super::*;

fn id(family: Family, data: &str) -> Result<String, String> {
    of_data(data, family, &mut crate::Picks::default())
        .map(Cow::into_owned)
        .map_err(|violation| violation.to_string())
}

#[test]
fn first_existing_candidate_is_the_identity() {
    use Family::{Appointment, Call, Contact, Sms, Whatsapp};
    for (family, data, expected) in [
        (Call, r#"{"id":3,"call_id":"b","call_sid":"a"}"#, "a"),
        (Call, r#"{"id":3,"call_id":"b"}"#, "b"),
        (Call, r#"{"id":3,"message_id":"m"}"#, "3"),
        (Call, r#"{"id":3,"call_id":null,"call_sid":""}"#, "3"),
        (Sms, r#"{"call_sid":"a","id":3,"message_id":"m"}"#, "m"),
        (Sms, r#"{"id":3}"#, "3"),
        (Whatsapp, r#"{"id":3,"message_id":"m"}"#, "m"),
        (Contact, r#"{"id":3,"contact_id":4}"#, "4"),
        (Contact, r#"{"id":3}"#, "3"),
        (Appointment, r#"{"id":"3","contact_id":4}"#, "3"),
    ] {
        assert_eq!(id(family, data).as_deref(), Ok(expected), "{data}");
    }
}

#[test]
fn a_number_and_its_decimal_string_are_the_same_identity() {
    for number in ["0", "98765", "-5", "1000000000000000000000000000000"] {
        let as_number = id(Family::Sms, &format!(r#"{{"id":{number}}}"#));
        let as_string = id(Family::Sms, &format!(r#"{{"id":"{number}"}}"#));
        assert_eq!((as_number.as_deref(), as_string.as_deref()), (Ok(number), Ok(number)));
    }
}

#[test]
fn empty_and_null_are_not_an_identity_and_the_first_candidate_is_reported() {
    for (data, found) in
        [("{}", "missing"), (r#"{"call_sid":""}"#, "string"), (r#"{"call_sid":null,"id":""}"#, "null")]
    {
        let expected = format!(
            "/data/call_sid: expected a non-empty string of at most 256 bytes without control characters, or an integer, found {found}"
        );
        assert_eq!(id(Family::Call, data), Err(expected), "{data}");
    }
}

#[test]
fn value_of_another_type_is_not_an_identity_despite_later_candidates() {
    for (value, found) in [
        ("1.5", "number"),
        ("1e3", "number"),
        ("1e400", "number"),
        ("-0", "number"),
        ("true", "boolean"),
        ("{}", "object"),
        ("[1]", "array"),
        (r#""\ud800""#, "string"),
    ] {
        let data = format!(r#"{{"call_id":{value},"id":7}}"#);
        let expected = format!(
            "/data/call_id: expected a non-empty string of at most 256 bytes without control characters, or an integer, found {found}"
        );
        assert_eq!(id(Family::Call, &data), Err(expected), "{value}");
    }
}

#[test]
fn repeated_candidate_is_not_an_identity_unless_an_earlier_one_exists() {
    let twice = r#""id":1,"id":2"#;
    assert!(id(Family::Call, &format!("{{{twice}}}")).is_err());
    assert_eq!(id(Family::Call, &format!(r#"{{{twice},"call_sid":"a"}}"#)).as_deref(), Ok("a"));
}

#[test]
fn identity_with_a_control_character_violates_the_contract() {
    for id in ["a\\r\\nb", "\\u0000", "call\\u001b[2J", "\\u007f", "a\\u009b"] {
        let data = format!(r#"{{"call_sid":"{id}"}}"#);
        let violation = of_data(&data, Family::Call, &mut Picks::default()).unwrap_err();
        assert_eq!(violation.pointer, "/data/call_sid", "{id}");
    }
}
