//! Values of the fields that a table's routes read, each looked up at most once.

use super::named_fields::{CompiledField, depends_on_direction};
use super::pointer::Pointer;
use justcall_events::{Direction, Event, NamedField, Pick, Picks};
use serde::Deserializer as _;
use serde::de::{Error, Visitor};
use serde_json::Deserializer;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FieldTable {
    picks: Vec<Pick>,
    lookups: Vec<Lookup>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Lookup {
    Pointer(usize, Pointer),
    Named(CompiledField),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldRef {
    index: usize,
    text: Box<str>,
    named: Option<NamedField>,
}

impl FieldRef {
    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// `None`: a JSON pointer.
    pub fn named(&self) -> Option<NamedField> {
        self.named
    }
}

impl FieldTable {
    /// Fails with a message for the operator if the text is neither a JSON pointer nor a named field.
    pub(super) fn read(&mut self, text: &str) -> Result<FieldRef, String> {
        if text.starts_with('/') {
            return Pointer::parse(text).map(|pointer| self.add(pointer));
        }
        let field = NamedField::from_name(text).ok_or_else(|| {
            let names: Vec<_> = NamedField::ALL.iter().map(|field| format!("`{}`", field.name())).collect();
            format!(
                "is neither a JSON pointer, such as `/data/id`, nor a named field, which is one of {}",
                names.join(", ")
            )
        })?;
        let index = self.add_named(field)?;
        Ok(FieldRef { index, text: text.into(), named: Some(field) })
    }

    pub(super) fn add(&mut self, pointer: Pointer) -> FieldRef {
        let text = pointer.text().into();
        let is_same = |each: &Lookup| matches!(each, Lookup::Pointer(_, known) if *known == pointer);
        let index = self.lookups.iter().position(is_same).unwrap_or_else(|| {
            let pick = pick_index(&mut self.picks, pointer.pick());
            self.lookups.push(Lookup::Pointer(pick, pointer));
            self.lookups.len() - 1
        });
        FieldRef { index, text, named: None }
    }

    fn add_named(&mut self, field: NamedField) -> Result<usize, String> {
        let is_same = |each: &Lookup| matches!(each, Lookup::Named(known) if known.field == field);
        if let Some(index) = self.lookups.iter().position(is_same) {
            return Ok(index);
        }
        let direction =
            depends_on_direction(field).then(|| self.add_named(NamedField::Direction)).transpose()?;
        let named = CompiledField::compile(field, direction, |pick| pick_index(&mut self.picks, pick))?;
        self.lookups.push(Lookup::Named(named));
        Ok(self.lookups.len() - 1)
    }

    pub(super) fn picks(&self) -> &[Pick] {
        &self.picks
    }
}

fn pick_index(picks: &mut Vec<Pick>, pick: &Pick) -> usize {
    picks.iter().position(|each| each == pick).unwrap_or_else(|| {
        picks.push(pick.clone());
        picks.len() - 1
    })
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FieldValue<'a> {
    /// Absent or null.
    Absent,
    /// String by its text; other values as written.
    Text(Cow<'a, str>),
    /// Array, object, or string that is not valid Unicode.
    Other,
}

impl FieldValue<'_> {
    /// Empty text is `None`.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(&**text).filter(|text| !text.is_empty()),
            Self::Absent | Self::Other => None,
        }
    }
}

pub(super) struct FieldValues<'t, 'a> {
    fields: &'t FieldTable,
    picks: &'t Picks<'t, 'a>,
    event: &'t Event<'t>,
    values: SmallVec<[OnceCell<FieldValue<'a>>; 4]>,
}

impl<'t, 'a> FieldValues<'t, 'a> {
    pub(super) fn new(fields: &'t FieldTable, picks: &'t Picks<'t, 'a>, event: &'t Event<'t>) -> Self {
        let values = fields.lookups.iter().map(|_| OnceCell::new()).collect();
        Self { fields, picks, event, values }
    }

    pub(super) fn get(&self, field: &FieldRef) -> &FieldValue<'a> {
        self.look_up(field.index)
    }

    fn look_up(&self, index: usize) -> &FieldValue<'a> {
        const ABSENT: &FieldValue<'static> = &FieldValue::Absent;
        let Some(cell) = self.values.get(index) else { return ABSENT };
        cell.get_or_init(|| match &self.fields.lookups[index] {
            Lookup::Pointer(pick, pointer) => self.follow(*pick, pointer),
            Lookup::Named(named) => self.named_value(named),
        })
    }

    fn follow(&self, pick: usize, pointer: &Pointer) -> FieldValue<'a> {
        let json = self.picks.get(pick).and_then(|field| pointer.follow(field));
        json.map_or(FieldValue::Absent, parse_value)
    }

    /// Empty text counts as absent, because the live dialect uses it like null in the documented one.
    fn named_value(&self, named: &CompiledField) -> FieldValue<'a> {
        let Some(family) = self.event.event_type.family() else { return FieldValue::Absent };
        let places = named.places(self.event.dialect, family).iter();
        for place in
            places.filter(|place| place.direction.is_none() || place.direction == self.direction(named))
        {
            match self.follow(place.pick, &place.pointer) {
                FieldValue::Text(text) if !text.is_empty() => {
                    return FieldValue::Text(named.field.normalize(text));
                }
                FieldValue::Other => return FieldValue::Other,
                FieldValue::Text(_) | FieldValue::Absent => {}
            }
        }
        match Direction::implied_by(&self.event.event_type) {
            Some(direction) if named.field == NamedField::Direction => {
                FieldValue::Text(Cow::Borrowed(direction.name()))
            }
            _ => FieldValue::Absent,
        }
    }

    fn direction(&self, named: &CompiledField) -> Option<Direction> {
        self.look_up(named.direction?).text().and_then(Direction::from_text)
    }
}

fn parse_value(json: &str) -> FieldValue<'_> {
    match json.as_bytes().first() {
        None | Some(b'n') => FieldValue::Absent,
        Some(b'{' | b'[') => FieldValue::Other,
        Some(b'"') => match Deserializer::from_str(json).deserialize_str(TextVisitor) {
            Ok(text) => FieldValue::Text(text),
            Err(_) => FieldValue::Other,
        },
        Some(_) => FieldValue::Text(Cow::Borrowed(json)),
    }
}

/// Borrows a string without escapes.
struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
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

#[cfg(test)]
mod tests {
    use super::{FieldTable, FieldValue, FieldValues};
    use crate::routing::pointer::Pointer;
    use crate::routing::table::tests::event;
    use justcall_events::{Level, Pick, Picks, scan_with};
    use std::borrow::Cow;

    fn pointers(texts: &[&str]) -> (FieldTable, Vec<super::FieldRef>) {
        let mut pointers = FieldTable::default();
        let pointed = texts.iter().map(|text| pointers.add(Pointer::parse(text).unwrap())).collect();
        (pointers, pointed)
    }

    #[test]
    fn fields_and_picks_are_unique() {
        let (pointers, pointed) = pointers(&["/data/a/b", "/data/a/c", "/data/a/b", "/type"]);
        assert_eq!(pointed[0], pointed[2]);
        assert_ne!(pointed[0], pointed[1]);
        let pick = |level, name: &str| Pick { level, name: name.into() };
        assert_eq!(pointers.picks(), [pick(Level::Data, "a"), pick(Level::Envelope, "type")]);
    }

    #[test]
    fn named_fields_are_picked_only_if_a_route_reads_them() {
        let mut pointers = FieldTable::default();
        pointers.read("/data/agent_id").unwrap();
        assert_eq!(pointers.picks().len(), 1);
        let direction = pointers.read("direction").unwrap();
        let from = pointers.read("from").unwrap();
        assert_eq!(pointers.read("direction").unwrap(), direction);
        assert_ne!(from, direction);
        let names: Vec<_> = pointers.picks().iter().map(|pick| &*pick.name).collect();
        assert_eq!(
            names,
            ["agent_id", "direction", "call_info", "from", "contact_number", "justcall_number"]
        );
        assert_eq!(pointers.lookups.len(), 3, "`from` shares the lookup of the direction");
    }

    #[test]
    fn values_are_read_as_text() {
        let texts = ["/text", "/escaped", "/empty", "/number", "/yes", "/none", "/list", "/half", "/missing"];
        let (pointers, pointed) = pointers(&texts);
        let body =
            br#"{"event":"x.y","text":"plain","escaped":"caf\u00e9","empty":"","number":1.50,"yes":true,
        "none":null,"list":[1],"half":"\ud800"}"#;
        let mut picks = Picks::of(pointers.picks());
        scan_with(body, &mut picks).unwrap();
        let event = event("x.y");
        let values = FieldValues::new(&pointers, &picks, &event);
        let text = |text: &'static str| FieldValue::Text(Cow::Borrowed(text));
        let expected = [
            text("plain"),
            text("café"),
            text(""),
            text("1.50"),
            text("true"),
            FieldValue::Absent,
            FieldValue::Other,
            FieldValue::Other,
            FieldValue::Absent,
        ];
        for (pointed, expected) in pointed.iter().zip(expected) {
            assert_eq!(*values.get(pointed), expected, "{}", pointed.text());
        }
        assert!(
            matches!(values.get(&pointed[0]), FieldValue::Text(Cow::Borrowed(_))),
            "borrowed from the body"
        );
        assert_eq!(values.get(&pointed[2]).text(), None, "empty text counts as absent");
    }
}
