//! JSON read in place: objects walked without building them, values kept as the text they came as.
//!
//! Nothing here recurses or allocates in proportion to a value: what is skipped is skipped by
//! serde_json's loop, whatever its depth.

mod walk;

pub(super) use walk::each_known_field;

use super::JsonType;
use serde::de::{Deserialize, Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// A JSON value as the text that stands in the body, without space around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'a>(&'a str);

impl<'a> Value<'a> {
    /// Takes text that was read as one JSON value before.
    pub(super) const fn of_checked(text: &'a str) -> Self {
        Self(text)
    }

    pub(super) fn is_null(self) -> bool {
        self.json_type() == JsonType::Null
    }

    /// As it stands.
    pub(super) const fn text(self) -> &'a str {
        self.0
    }

    /// Which of JSON's types it has.
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

    /// The string it is, borrowed where it holds no escapes. `None` for other types, and for
    /// escapes that name no Unicode text (half of a surrogate pair).
    pub(super) fn as_string(self) -> Option<Cow<'a, str>> {
        let inner = self.0.strip_prefix('"')?.strip_suffix('"')?;
        if inner.contains('\\') {
            serde_json::from_str(self.0).ok().map(Cow::Owned)
        } else {
            Some(Cow::Borrowed(inner))
        }
    }

    /// Whether [`Value::as_string`] would give one. Only `\u` escapes need a closer look.
    pub(super) fn is_string(self) -> bool {
        let is_plain = !self.0.contains('\\') || !self.0.contains("\\u");
        self.json_type() == JsonType::String && (is_plain || self.as_string().is_some())
    }

    /// The decimal digits of an integer of any size, with its sign. A number with a fraction or an
    /// exponent is none, whatever its value: readers disagree on those.
    pub(super) fn as_integer(self) -> Option<&'a str> {
        let is_integer =
            self.json_type() == JsonType::Number && !self.0.contains(['.', 'e', 'E']) && self.0 != "-0";
        is_integer.then_some(self.0)
    }

    /// Whether it reads as a `T`, by the same rules as the typed structs.
    pub(super) fn reads_as<T: Deserialize<'a>>(self) -> bool {
        serde_json::from_str::<T>(self.0).is_ok()
    }
}

/// The raw text of a value that was seen to be JSON already.
impl<'a> From<&'a RawValue> for Value<'a> {
    fn from(raw: &'a RawValue) -> Self {
        Self(raw.get())
    }
}

/// Walks the fields of the object that `text` is, in document order. A name that is no Unicode text
/// is nobody's, so it is passed over.
///
/// # Errors
/// When `text` is not one JSON object and nothing else.
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

/// Walks the items of the array that `array` is.
///
/// # Errors
/// When it is no array.
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
mod tests;
