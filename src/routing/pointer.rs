//! JSON pointers (RFC 6901), read without building a tree.

use serde::de::{DeserializeSeed, Deserializer as _, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Deserializer;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

#[cfg(test)]
mod tests;

/// Where in a body a record's key stands, such as `/data/contact_id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer(Box<[Token]>);

/// One step: the name of a member, which may also be the place of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    name: Box<str>,
    index: Option<usize>,
}

impl Pointer {
    /// Reads a pointer.
    ///
    /// # Errors
    /// What is wrong with it, for the operator.
    pub fn parse(text: &str) -> Result<Self, String> {
        let tokens =
            text.strip_prefix('/').ok_or("is no JSON pointer: it begins with `/`, as `/data/id` does")?;
        tokens.split('/').map(Token::parse).collect::<Result<_, _>>().map(Self)
    }

    /// The text of the non-empty string or of the number that stands there; a number as it is
    /// written. Of members with the same name the last counts, as with most readers.
    pub fn read<'b>(&self, body: &'b [u8]) -> Option<Cow<'b, str>> {
        let mut here = std::str::from_utf8(body).ok()?;
        for token in &self.0 {
            here = token.child(here)?;
        }
        key_text(here)
    }
}

impl Token {
    fn parse(escaped: &str) -> Result<Self, String> {
        if escaped.split('~').skip(1).any(|after| !after.starts_with(['0', '1'])) {
            return Err("is no JSON pointer: `~` is written `~0`, a `/` in a name `~1`".into());
        }
        let is_index = escaped == "0" || !escaped.starts_with(['0', '+']);
        Ok(Self {
            name: escaped.replace("~1", "/").replace("~0", "~").into(),
            index: escaped.parse().ok().filter(|_| is_index),
        })
    }

    fn child<'b>(&self, json: &'b str) -> Option<&'b str> {
        let mut reader = Deserializer::from_str(json);
        let found = match json.trim_start().as_bytes().first()? {
            b'{' => reader.deserialize_map(Member(&self.name)),
            b'[' => reader.deserialize_seq(Item(self.index?)),
            _ => return None,
        };
        found.ok().flatten().map(RawValue::get)
    }
}

fn key_text(json: &str) -> Option<Cow<'_, str>> {
    match json.as_bytes().first()? {
        b'"' => Deserializer::from_str(json).deserialize_str(Text).ok().filter(|text| !text.is_empty()),
        b'-' | b'0'..=b'9' => Some(Cow::Borrowed(json)),
        _ => None,
    }
}

/// Finds a member of an object.
struct Member<'t>(&'t str);

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(is_it) = map.next_key_seed(Named(self.0))? {
            if is_it {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Compares a member's name without keeping it.
struct Named<'t>(&'t str);

impl<'de> DeserializeSeed<'de> for Named<'_> {
    type Value = bool;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<bool, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Named<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

/// Finds an item of an array.
struct Item(usize);

impl<'de> Visitor<'de> for Item {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        for _ in 0..self.0 {
            if seq.next_element::<IgnoredAny>()?.is_none() {
                return Ok(None);
            }
        }
        let found = seq.next_element()?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }
}

/// Reads a string, borrowed where it holds no escapes.
struct Text;

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}
