use super::*;

fn value(text: &str) -> Value<'_> {
    Value::from(serde_json::from_str::<&RawValue>(text).unwrap())
}

#[test]
fn every_json_type_is_told_by_its_text() {
    for (text, expected) in [
        ("null", JsonType::Null),
        ("true", JsonType::Boolean),
        ("false", JsonType::Boolean),
        ("-1", JsonType::Number),
        ("0", JsonType::Number),
        (r#""""#, JsonType::String),
        ("[]", JsonType::Array),
        ("{}", JsonType::Object),
    ] {
        assert_eq!(value(text).json_type(), expected, "{text}");
    }
}

#[test]
fn a_string_is_borrowed_unless_it_holds_escapes() {
    assert!(matches!(value(r#""plain é""#).as_string(), Some(Cow::Borrowed("plain é"))));
    assert_eq!(value(r#""a\/b\u00e9""#).as_string(), Some(Cow::Owned("a/bé".to_owned())));
}

#[test]
fn half_a_surrogate_pair_is_no_string() {
    let half = value(r#""\ud83d""#);
    assert_eq!((half.as_string(), half.is_string()), (None, false));
    let whole = value(r#""\ud83d\ude00""#);
    assert_eq!((whole.as_string().as_deref(), whole.is_string()), (Some("😀"), true));
    assert!(value(r#""C:\\users""#).is_string(), "an escaped backslash before a u is no escape of a letter");
}

#[test]
fn an_integer_is_digits_and_a_sign_of_any_size() {
    for text in ["0", "7", "-7", "1000000000000000000000000000000"] {
        assert_eq!(value(text).as_integer(), Some(text));
    }
    for text in ["-0", "1.0", "1e3", "1E400", r#""7""#, "null", "[7]"] {
        assert_eq!(value(text).as_integer(), None, "{text}");
    }
}

#[test]
fn fields_are_visited_in_order_by_their_decoded_names() {
    let mut seen = Vec::new();
    each_field(r#" {"a": 1, "\u0062" : [2, {"x": 3}], "\ud800": 4, "a": null} "#, |name, value| {
        seen.push((name.to_owned(), value.get()));
    })
    .unwrap();
    assert_eq!(seen, [("a".to_owned(), "1"), ("b".to_owned(), r#"[2, {"x": 3}]"#), ("a".to_owned(), "null")]);
}

#[test]
fn what_is_not_one_object_is_an_error() {
    for text in ["[]", "{} {}", "{", r#"{"a" 1}"#, "{1:1}", r#"{"a":1,}"#, "{\"a\n\":1}"] {
        assert!(each_field(text, |_, _| ()).is_err(), "{text}");
    }
}
