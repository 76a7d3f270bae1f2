//! JSON pointers (RFC 6901), read without building a tree.

use justcall_events::{Level, Pick};
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Deserializer;
use serde_json::value::RawValue;
use std::fmt;

#[cfg(test)]
mod tests;

/// A place in a body, such as `/data/contact/id`: a field of the envelope or of `data`, which is taken
/// along while the body is read, and the way on from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pointer {
    text: Box<str>,
    pick: Pick,
    rest: Box<[Token]>,
}

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
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let tokens =
            text.strip_prefix('/').ok_or("is no JSON pointer: it begins with `/`, as `/data/id` does")?;
        let mut tokens = tokens.split('/').map(Token::parse).collect::<Result<Vec<_>, _>>()?.into_iter();
        let first = tokens.next().map(|token| token.name).unwrap_or_default();
        let (level, name) = match (&*first, tokens.as_slice().first()) {
            ("data", Some(_)) => (Level::Data, tokens.next().map(|token| token.name).unwrap_or_default()),
            _ => (Level::Envelope, first),
        };
        Ok(Self { text: text.into(), pick: Pick { level, name }, rest: tokens.collect() })
    }

    /// As the operator wrote it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The field of the body that it leads to or into.
    pub(super) fn pick(&self) -> &Pick {
        &self.pick
    }

    /// What it finds, given the raw JSON of its field.
    pub(super) fn follow<'b>(&self, field: &'b str) -> Option<&'b str> {
        self.rest.iter().try_fold(field, |here, token| token.child(here))
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

/// Finds a member of an object; of those with the same name the last counts, as with most readers.
struct Member<'t>(&'t str);

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<&RawValue>()? {
            if names(name, self.0) {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Whether a member's name reads so. One that is no Unicode text is no other's either.
fn names(name: &RawValue, wanted: &str) -> bool {
    let written = name.get();
    if written.contains('\\') {
        serde_json::from_str::<String>(written).is_ok_and(|name| name == wanted)
    } else {
        written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) == Some(wanted)
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
