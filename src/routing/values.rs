//! What stands under the pointers of a table, for one event: each looked up once at most, and only
//! if somebody asks.

use super::pointer::Pointer;
use crate::event::{Pick, Picks};
use serde::Deserializer as _;
use serde::de::{Error, Visitor};
use serde_json::Deserializer;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

#[cfg(test)]
mod tests;

/// Every pointer that the routes of a table name, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pointers {
    /// The fields of a body that they lead to or into, each once.
    picks: Vec<Pick>,
    /// With the index of its field.
    pointers: Vec<(usize, Pointer)>,
}

/// A pointer of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointed {
    index: usize,
    text: Box<str>,
}

impl Pointed {
    /// The JSON pointer as the operator wrote it.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Pointers {
    /// Adds a pointer, if it is not there yet.
    pub(super) fn add(&mut self, pointer: Pointer) -> Pointed {
        let text = pointer.text().into();
        let known = self.pointers.iter().position(|(_, each)| *each == pointer);
        let index = known.unwrap_or_else(|| {
            let pick = place(&mut self.picks, pointer.pick());
            self.pointers.push((pick, pointer));
            self.pointers.len() - 1
        });
        Pointed { index, text }
    }

    /// The fields that are to be taken along while a body is read.
    pub(super) fn picks(&self) -> &[Pick] {
        &self.picks
    }
}

fn place(picks: &mut Vec<Pick>, pick: &Pick) -> usize {
    picks.iter().position(|each| each == pick).unwrap_or_else(|| {
        picks.push(pick.clone());
        picks.len() - 1
    })
}

/// What stands somewhere in a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// Nothing, or null.
    Nothing,
    /// A string as it reads; a number, `true` or `false` as it is written.
    Text(Cow<'a, str>),
    /// An array or an object, or a string that is no Unicode text.
    Other,
}

impl Found<'_> {
    /// Text that is not empty.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(&**text).filter(|text| !text.is_empty()),
            Self::Nothing | Self::Other => None,
        }
    }
}

/// The values of one event.
pub(super) struct Values<'t, 'a> {
    pointers: &'t Pointers,
    picks: &'t Picks<'t, 'a>,
    found: SmallVec<[OnceCell<Found<'a>>; 4]>,
}

impl<'t, 'a> Values<'t, 'a> {
    /// Nothing looked up yet.
    pub(super) fn new(pointers: &'t Pointers, picks: &'t Picks<'t, 'a>) -> Self {
        let found = pointers.pointers.iter().map(|_| OnceCell::new()).collect();
        Self { pointers, picks, found }
    }

    /// What stands there.
    pub(super) fn get(&self, pointed: &Pointed) -> &Found<'a> {
        const NOTHING: &Found<'static> = &Found::Nothing;
        let Some(cell) = self.found.get(pointed.index) else { return NOTHING };
        cell.get_or_init(|| {
            let (pick, pointer) = &self.pointers.pointers[pointed.index];
            let json = self.picks.get(*pick).and_then(|field| pointer.follow(field));
            json.map_or(Found::Nothing, read)
        })
    }
}

fn read(json: &str) -> Found<'_> {
    match json.as_bytes().first() {
        None | Some(b'n') => Found::Nothing,
        Some(b'{' | b'[') => Found::Other,
        Some(b'"') => match Deserializer::from_str(json).deserialize_str(Text) {
            Ok(text) => Found::Text(text),
            Err(_) => Found::Other,
        },
        Some(_) => Found::Text(Cow::Borrowed(json)),
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
