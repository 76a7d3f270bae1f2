//! JSON pointers (RFC 6901), evaluated without building a tree.

use justcall_events::{Level, Pick};
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Deserializer;
use serde_json::value::RawValue;
use std::fmt;

#[cfg(test)]
mod tests;

/// JSON pointer such as `/data/contact/id`: a field of the envelope or of `data`, which the first reading of
/// a body captures, and the rest of the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pointer {
    text: Box<str>,
    pick: Pick,
    rest: Box<[Token]>,
}

/// Token of a pointer: the name of a member, which can also be an array index.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    name: Box<str>,
    index: Option<usize>,
}

impl Pointer {
    /// Parses a pointer.
    ///
    /// # Errors
    /// The pointer is invalid. The message is for the operator.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let tokens = text
            .strip_prefix('/')
            .ok_or("is not a JSON pointer: it must begin with `/`, such as `/data/id`")?;
        let mut tokens = tokens.split('/').map(Token::parse).collect::<Result<Vec<_>, _>>()?.into_iter();
        let first = tokens.next().map(|token| token.name).unwrap_or_default();
        let (level, name) = match (&*first, tokens.as_slice().first()) {
            ("data", Some(_)) => (Level::Data, tokens.next().map(|token| token.name).unwrap_or_default()),
            _ => (Level::Envelope, first),
        };
        Ok(Self { text: text.into(), pick: Pick { level, name }, rest: tokens.collect() })
    }

    /// Returns the pointer as written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the field of the body that the pointer leads to or into.
    pub(super) fn pick(&self) -> &Pick {
        &self.pick
    }

    /// Evaluates the rest of the path on the raw JSON of the field.
    pub(super) fn follow<'b>(&self, field: &'b str) -> Option<&'b str> {
        self.rest.iter().try_fold(field, |here, token| token.child(here))
    }
}

impl Token {
    fn parse(escaped: &str) -> Result<Self, String> {
        if escaped.split('~').skip(1).any(|after| !after.starts_with(['0', '1'])) {
            return Err("is not a JSON pointer: write `~` as `~0`, and `/` in a name as `~1`".into());
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
            b'{' => reader.deserialize_map(MemberVisitor(&self.name)),
            b'[' => reader.deserialize_seq(ItemVisitor(self.index?)),
            _ => return None,
        };
        found.ok().flatten().map(RawValue::get)
    }
}

/// Finds a member of an object. The last of several members with the same name counts, as in most parsers.
struct MemberVisitor<'t>(&'t str);

impl<'de> Visitor<'de> for MemberVisitor<'_> {
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

/// Returns whether a member has a name. A name that is not valid Unicode equals no other.
fn names(name: &RawValue, wanted: &str) -> bool {
    let written = name.get();
    if written.contains('\\') {
        serde_json::from_str::<String>(written).is_ok_and(|name| name == wanted)
    } else {
        written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) == Some(wanted)
    }
}

/// Finds an item of an array.
struct ItemVisitor(usize);

impl<'de> Visitor<'de> for ItemVisitor {
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
