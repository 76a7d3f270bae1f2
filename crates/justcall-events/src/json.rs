//! JSON read in place, as raw text, without recursion or allocation in proportion to a value.

mod walk;

pub(super) use walk::each_known_field;

use super::JsonType;
use serde::de::{Deserialize, Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'a>(&'a str);

impl<'a> Value<'a> {
    /// `text` must have been read as one JSON value.
    pub(super) const fn of_checked(text: &'a str) -> Self {
        Self(text)
    }

    pub(super) fn is_null(self) -> bool {
        self.json_type() == JsonType::Null
    }

    pub(super) const fn text(self) -> &'a str {
        self.0
    }

    pub(super) fn json_type(self) -> JsonType {
        match self.0.as_bytes().first() {
            Some(b'"') => JsonType::String,
            Some(b'{') => JsonType::Object,
            Some(b'[') => JsonType::Array,
            Some(b't' | b'f') => JsonType::Boolean,
            Some(b'n') => JsonType::Null,
            _ => JsonType::Number,
        }
    }

    /// Borrows if there are no escapes. `None`: another type, or half of a surrogate pair.
    pub(super) fn as_string(self) -> Option<Cow<'a, str>> {
        let inner = self.0.strip_prefix('"')?.strip_suffix('"')?;
        if inner.contains('\\') {
            serde_json::from_str(self.0).ok().map(Cow::Owned)
        } else {
            Some(Cow::Borrowed(inner))
        }
    }

    /// Like `as_string().is_some()`, decoding only `\u` escapes.
    pub(super) fn is_string(self) -> bool {
        let is_plain = !self.0.contains('\\') || !self.0.contains("\\u");
        self.json_type() == JsonType::String && (is_plain || self.as_string().is_some())
    }

    /// Returns an integer's digits and sign. `None` for a fraction or exponent: readers disagree on those.
    pub(super) fn as_integer(self) -> Option<&'a str> {
        let is_integer =
            self.json_type() == JsonType::Number && !self.0.contains(['.', 'e', 'E']) && self.0 != "-0";
        is_integer.then_some(self.0)
    }

    pub(super) fn reads_as<T: Deserialize<'a>>(self) -> bool {
        serde_json::from_str::<T>(self.0).is_ok()
    }
}

impl<'a> From<&'a RawValue> for Value<'a> {
    fn from(raw: &'a RawValue) -> Self {
        Self(raw.get())
    }
}

/// Visits fields in document order, except names that are not Unicode text.
pub(super) fn each_field<'a>(
    text: &'a str,
    mut visit: impl FnMut(&str, &'a RawValue),
) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    reader.deserialize_map(Fields(|name: &'a RawValue, value| {
        if let Some(name) = Value::from(name).as_string() {
            visit(&name, value);
        }
    }))?;
    reader.end()
}

pub(super) fn each_item<'a>(array: Value<'a>, visit: impl FnMut(Value<'a>)) -> Result<(), serde_json::Error> {
    serde_json::Deserializer::from_str(array.0).deserialize_seq(Items(visit))
}

struct Fields<F>(F);

impl<'de, F: FnMut(&'de RawValue, &'de RawValue)> Visitor<'de> for Fields<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((name, value)) = map.next_entry()? {
            (self.0)(name, value);
        }
        Ok(())
    }
}

struct Items<F>(F);

impl<'de, F: FnMut(Value<'de>)> Visitor<'de> for Items<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while let Some(item) = seq.next_element::<&RawValue>()? {
            (self.0)(item.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value<'_> {
        Value::from(serde_json::from_str::<&RawValue>(text).unwrap())
    }

    #[test]
    fn json_type_is_recognized_by_the_text() {
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
    fn string_without_escapes_is_borrowed() {
        assert!(matches!(value(r#""plain é""#).as_string(), Some(Cow::Borrowed("plain é"))));
        assert_eq!(value(r#""a\/b\u00e9""#).as_string(), Some(Cow::Owned("a/bé".to_owned())));
    }

    #[test]
    fn half_a_surrogate_pair_is_not_a_string() {
        let half = value(r#""\ud83d""#);
        assert_eq!((half.as_string(), half.is_string()), (None, false));
        let whole = value(r#""\ud83d\ude00""#);
        assert_eq!((whole.as_string().as_deref(), whole.is_string()), (Some("😀"), true));
        assert!(value(r#""C:\\users""#).is_string(), "an escaped backslash before a u is not an escape");
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
        assert_eq!(
            seen,
            [("a".to_owned(), "1"), ("b".to_owned(), r#"[2, {"x": 3}]"#), ("a".to_owned(), "null")]
        );
    }

    #[test]
    fn anything_but_one_object_is_an_error() {
        for text in ["[]", "{} {}", "{", r#"{"a" 1}"#, "{1:1}", r#"{"a":1,}"#, "{\"a\n\":1}"] {
            assert!(each_field(text, |_, _| ()).is_err(), "{text}");
        }
    }
}
