//! Values of the fields that a table's routes name, for one event. Each is looked up at most once, on
//! first use.

use super::named::{Named, depends_on_direction};
use super::pointer::Pointer;
use justcall_events::{Direction, Event, NamedField, Pick, Picks};
use serde::Deserializer as _;
use serde::de::{Error, Visitor};
use serde_json::Deserializer;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

#[cfg(test)]
mod tests;

/// Every field that the routes of a table name, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pointers {
    /// The fields of a body that hold them, each once.
    picks: Vec<Pick>,
    lookups: Vec<Lookup>,
}

/// Way to a value in a body.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Lookup {
    /// A JSON pointer, with the index of its pick.
    Pointer(usize, Pointer),
    Named(Named),
}

/// Field of a table: a JSON pointer or a named field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointed {
    index: usize,
    text: Box<str>,
    field: Option<NamedField>,
}

impl Pointed {
    /// The JSON pointer or the name, as the operator wrote it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The named field. `None`: a JSON pointer.
    pub fn field(&self) -> Option<NamedField> {
        self.field
    }
}

impl Pointers {
    /// Adds a field as it is written in a route: a JSON pointer, or the name of a field.
    ///
    /// # Errors
    /// When it is neither, with the reason for the operator.
    pub(super) fn read(&mut self, text: &str) -> Result<Pointed, String> {
        if text.starts_with('/') {
            return Pointer::parse(text).map(|pointer| self.add(pointer));
        }
        let field = NamedField::from_name(text).ok_or_else(|| {
            let names: Vec<_> = NamedField::ALL.iter().map(|field| format!("`{}`", field.name())).collect();
            format!(
                "is no JSON pointer, which begins with `/` as `/data/id` does, and no named field, which \
                 is one of {}",
                names.join(", ")
            )
        })?;
        let index = self.add_named(field)?;
        Ok(Pointed { index, text: text.into(), field: Some(field) })
    }

    /// Adds a pointer, if it is not there yet.
    pub(super) fn add(&mut self, pointer: Pointer) -> Pointed {
        let text = pointer.text().into();
        let is_it = |each: &Lookup| matches!(each, Lookup::Pointer(_, known) if *known == pointer);
        let index = self.lookups.iter().position(is_it).unwrap_or_else(|| {
            let pick = place(&mut self.picks, pointer.pick());
            self.lookups.push(Lookup::Pointer(pick, pointer));
            self.lookups.len() - 1
        });
        Pointed { index, text, field: None }
    }

    fn add_named(&mut self, field: NamedField) -> Result<usize, String> {
        let is_it = |each: &Lookup| matches!(each, Lookup::Named(known) if known.field == field);
        if let Some(index) = self.lookups.iter().position(is_it) {
            return Ok(index);
        }
        let direction =
            depends_on_direction(field).then(|| self.add_named(NamedField::Direction)).transpose()?;
        let named = Named::compile(field, direction, |pick| place(&mut self.picks, pick))?;
        self.lookups.push(Lookup::Named(named));
        Ok(self.lookups.len() - 1)
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
    event: &'t Event<'t>,
    found: SmallVec<[OnceCell<Found<'a>>; 4]>,
}

impl<'t, 'a> Values<'t, 'a> {
    /// Nothing looked up yet.
    pub(super) fn new(pointers: &'t Pointers, picks: &'t Picks<'t, 'a>, event: &'t Event<'t>) -> Self {
        let found = pointers.lookups.iter().map(|_| OnceCell::new()).collect();
        Self { pointers, picks, event, found }
    }

    /// Returns the value of a field.
    pub(super) fn get(&self, pointed: &Pointed) -> &Found<'a> {
        self.look_up(pointed.index)
    }

    fn look_up(&self, index: usize) -> &Found<'a> {
        const NOTHING: &Found<'static> = &Found::Nothing;
        let Some(cell) = self.found.get(index) else { return NOTHING };
        cell.get_or_init(|| match &self.pointers.lookups[index] {
            Lookup::Pointer(pick, pointer) => self.follow(*pick, pointer),
            Lookup::Named(named) => self.named(named),
        })
    }

    fn follow(&self, pick: usize, pointer: &Pointer) -> Found<'a> {
        let json = self.picks.get(pick).and_then(|field| pointer.follow(field));
        json.map_or(Found::Nothing, read)
    }

    /// Returns the normalised value at the first place that has one. Empty text counts as absent, because
    /// the live dialect has it where the documented one has null.
    fn named(&self, named: &Named) -> Found<'a> {
        let Some(family) = self.event.event_type.family() else { return Found::Nothing };
        let places = named.places(self.event.dialect, family).iter();
        for place in
            places.filter(|place| place.direction.is_none() || place.direction == self.direction(named))
        {
            match self.follow(place.pick, &place.pointer) {
                Found::Text(text) if !text.is_empty() => return Found::Text(named.field.normalize(text)),
                Found::Other => return Found::Other,
                Found::Text(_) | Found::Nothing => {}
            }
        }
        match Direction::implied_by(&self.event.event_type) {
            Some(direction) if named.field == NamedField::Direction => {
                Found::Text(Cow::Borrowed(direction.name()))
            }
            _ => Found::Nothing,
        }
    }

    fn direction(&self, named: &Named) -> Option<Direction> {
        self.look_up(named.direction?).text().and_then(Direction::from_text)
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
