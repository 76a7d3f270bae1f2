use super::*;

#[test]
fn a_contact_id_reads_a_positive_integer_or_its_decimal_string_and_writes_the_integer() {
    for text in ["98765", r#""98765""#] {
        let id: ContactId = serde_json::from_str(text).unwrap();
        assert_eq!((id.get(), serde_json::to_string(&id).unwrap().as_str()), (98_765, "98765"));
    }
    assert_eq!(ContactId::from_decimal("18446744073709551615").map(ContactId::get), Some(u64::MAX));
}

#[test]
fn nothing_else_is_a_contact_id() {
    for text in [
        "0",
        "-1",
        "-0",
        "1.0",
        "1e3",
        "1e400",
        "18446744073709551616",
        "null",
        "true",
        "[1]",
        "{}",
        r#""""#,
        r#""0""#,
        r#""01""#,
        r#""+1""#,
        r#""-1""#,
        r#""1 ""#,
        r#""1.0""#,
        r#""18446744073709551616""#,
        r#""١""#,
    ] {
        assert!(serde_json::from_str::<ContactId>(text).is_err(), "{text}");
    }
}

#[test]
fn the_error_does_not_repeat_the_string() {
    let error = serde_json::from_str::<ContactId>(r#""Noa Lindqvist""#).unwrap_err();
    assert!(!error.to_string().contains("Noa"), "{error}");
}
