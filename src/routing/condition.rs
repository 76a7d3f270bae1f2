//! What must hold of an event's fields for a route to take it.

use super::config::{Test, Wanted};
use super::values::{Found, Pointed, Values};
use justcall_events::{Direction, NamedField};
use std::borrow::Cow;
use std::fmt;

#[cfg(test)]
mod tests;

/// One entry of a route's `when`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pointed: Pointed,
    test: Test,
}

impl Condition {
    /// Checks an entry.
    ///
    /// # Errors
    /// What is wrong with it, for the operator.
    pub(super) fn new(pointed: Pointed, mut test: Test) -> Result<Self, String> {
        if let Wanted::OneOf(texts) | Wanted::Prefix(texts) = &mut test.wanted {
            if texts.is_empty() {
                return Err("lists nothing, so that it never holds".into());
            }
            if test.ignore_case {
                texts.iter_mut().for_each(|text| *text = lower(text).collect());
            }
        }
        if let Some(field) = pointed.field() {
            normalize(field, &mut test.wanted)?;
        }
        match &test.wanted {
            Wanted::Prefix(texts) if texts.iter().any(String::is_empty) => {
                Err("has an empty prefix, with which everything begins; `{exists: true}` says that".into())
            }
            Wanted::Exists(_) if test.ignore_case => {
                Err("`ignore_case` means nothing beside `exists`".into())
            }
            _ => Ok(Self { pointed, test }),
        }
    }

    /// The JSON pointer or the named field that it is about.
    pub fn pointer(&self) -> &str {
        self.pointed.text()
    }

    /// The field that it is about.
    pub(super) fn pointed(&self) -> &Pointed {
        &self.pointed
    }

    /// Returns the same condition on another field.
    ///
    /// # Errors
    /// As [`Condition::new`].
    pub(super) fn with(&self, pointed: Pointed) -> Result<Self, String> {
        Self::new(pointed, self.test.clone())
    }

    /// Returns whether it holds where the field is absent.
    pub(super) fn wants_absence(&self) -> bool {
        self.test.wanted == Wanted::Exists(false)
    }

    /// Returns whether its field is absent or null in an event.
    pub(super) fn is_absent(&self, values: &Values<'_, '_>) -> bool {
        *values.get(&self.pointed) == Found::Nothing
    }

    /// The field and the texts, where it asks for just these and no other spelling of them.
    pub(super) fn texts(&self) -> Option<(&Pointed, &[String])> {
        match &self.test.wanted {
            Wanted::OneOf(texts) if !self.test.ignore_case => Some((&self.pointed, texts)),
            _ => None,
        }
    }

    /// Whether an event meets it.
    pub(super) fn holds(&self, values: &Values<'_, '_>) -> bool {
        let found = values.get(&self.pointed);
        match (&self.test.wanted, found) {
            (Wanted::Exists(wanted), found) => *wanted == (*found != Found::Nothing),
            (Wanted::OneOf(texts), Found::Text(text)) => texts.iter().any(|each| self.is(text, each)),
            (Wanted::Prefix(texts), Found::Text(text)) => texts.iter().any(|each| self.begins(text, each)),
            (_, Found::Nothing | Found::Other) => false,
        }
    }

    /// Whether every event that meets it meets the other too, as far as the two tell.
    pub(super) fn implies(&self, other: &Self) -> bool {
        if self.pointed != other.pointed {
            return false;
        }
        let covers = |text: &String| match &other.test.wanted {
            Wanted::OneOf(texts) => texts.iter().any(|each| other.is(text, each)),
            Wanted::Prefix(texts) => texts.iter().any(|each| other.begins(text, each)),
            Wanted::Exists(wanted) => *wanted,
        };
        // What this one takes in any case, the other does too only if it ignores case as well.
        let as_loose = !self.test.ignore_case || other.test.ignore_case;
        match (&self.test.wanted, &other.test.wanted) {
            (Wanted::Exists(mine), Wanted::Exists(others)) => mine == others,
            (Wanted::Exists(_), _) => false,
            (_, Wanted::Exists(wanted)) => *wanted,
            (Wanted::Prefix(_), Wanted::OneOf(_)) => false,
            (Wanted::OneOf(texts) | Wanted::Prefix(texts), _) => as_loose && texts.iter().all(covers),
        }
    }

    fn is(&self, text: &str, wanted: &str) -> bool {
        if self.test.ignore_case { lower(text).eq(wanted.chars()) } else { text == wanted }
    }

    fn begins(&self, text: &str, wanted: &str) -> bool {
        if self.test.ignore_case {
            let mut text = lower(text);
            wanted.chars().all(|each| text.next() == Some(each))
        } else {
            text.starts_with(wanted)
        }
    }
}

/// Writes what is wanted of a named field as the field's values are normalised.
///
/// # Errors
/// When no value of the field could be that.
fn normalize(field: NamedField, wanted: &mut Wanted) -> Result<(), String> {
    match wanted {
        Wanted::OneOf(texts) => {
            for text in texts.iter_mut() {
                *text = field.normalize(Cow::Borrowed(text)).into_owned();
                if text.is_empty() {
                    return Err(
                        "asks for an empty text, which counts as absent; `{exists: false}` says that".into(),
                    );
                }
                if field == NamedField::Direction && Direction::from_text(text).is_none() {
                    return Err("can only be `inbound` or `outbound`".into());
                }
            }
        }
        Wanted::Prefix(texts) => {
            let begins_with_digit = |text: &String| text.starts_with(|each: char| each.is_ascii_digit());
            if field.is_phone() && texts.iter().any(begins_with_digit) {
                return Err(
                    "has a prefix that begins with a digit; numbers are compared with their country \
                            code and `+`, such as `+1415`"
                        .into(),
                );
            }
            let directions = [Direction::Inbound, Direction::Outbound];
            let is_one = |text: &String| directions.iter().any(|each| each.name().starts_with(text.as_str()));
            if field == NamedField::Direction && !texts.iter().all(is_one) {
                return Err("can only be `inbound` or `outbound`".into());
            }
        }
        Wanted::Exists(_) => {}
    }
    Ok(())
}

fn lower(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

/// As a sentence without its verdict: `/data/direction is "inbound"`.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list =
            |texts: &[String]| texts.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(" or ");
        write!(f, "{} ", self.pointer())?;
        match &self.test.wanted {
            Wanted::OneOf(texts) => write!(f, "is {}", list(texts))?,
            Wanted::Prefix(texts) => write!(f, "begins with {}", list(texts))?,
            Wanted::Exists(true) => f.write_str("is there")?,
            Wanted::Exists(false) => f.write_str("is not there")?,
        }
        if self.test.ignore_case { f.write_str(" in any case") } else { Ok(()) }
    }
}
