//! Conditions of a route on the fields of an event.

use super::config::{Operator, Predicate};
use super::field_values::{FieldRef, FieldValue, FieldValues};
use justcall_events::{Direction, NamedField};
use std::borrow::Cow;
use std::fmt;

#[cfg(test)]
mod tests;

/// Entry of a route's `when`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    field: FieldRef,
    predicate: Predicate,
}

impl Condition {
    /// Validates an entry.
    ///
    /// # Errors
    /// The entry is invalid. The message is for the operator.
    pub(super) fn new(field: FieldRef, mut predicate: Predicate) -> Result<Self, String> {
        if let Operator::OneOf(texts) | Operator::Prefix(texts) = &mut predicate.operator {
            if texts.is_empty() {
                return Err("is an empty list, so that it never holds".into());
            }
            if predicate.ignore_case {
                texts.iter_mut().for_each(|text| *text = lower(text).collect());
            }
        }
        if let Some(named) = field.named() {
            normalize(named, &mut predicate.operator)?;
        }
        match &predicate.operator {
            Operator::Prefix(texts) if texts.iter().any(String::is_empty) => {
                Err("has an empty prefix, with which every text begins; write `{exists: true}`".into())
            }
            Operator::Exists(_) if predicate.ignore_case => {
                Err("`ignore_case` has no effect with `exists`".into())
            }
            _ => Ok(Self { field, predicate }),
        }
    }

    pub(super) fn field(&self) -> &FieldRef {
        &self.field
    }

    /// Returns the same condition on another field.
    ///
    /// # Errors
    /// As [`Condition::new`].
    pub(super) fn with_field(&self, field: FieldRef) -> Result<Self, String> {
        Self::new(field, self.predicate.clone())
    }

    /// Returns whether the condition holds if the field is absent.
    pub(super) fn holds_if_absent(&self) -> bool {
        self.predicate.operator == Operator::Exists(false)
    }

    /// Returns whether the field is absent or null in an event.
    pub(super) fn is_absent(&self, values: &FieldValues<'_, '_>) -> bool {
        *values.get(&self.field) == FieldValue::Absent
    }

    /// Returns whether an event meets the condition.
    pub(super) fn holds(&self, values: &FieldValues<'_, '_>) -> bool {
        let found = values.get(&self.field);
        match (&self.predicate.operator, found) {
            (Operator::Exists(wanted), found) => *wanted == (*found != FieldValue::Absent),
            (Operator::OneOf(texts), FieldValue::Text(text)) => {
                texts.iter().any(|each| self.equals(text, each))
            }
            (Operator::Prefix(texts), FieldValue::Text(text)) => {
                texts.iter().any(|each| self.begins_with(text, each))
            }
            (_, FieldValue::Absent | FieldValue::Other) => false,
        }
    }

    /// Returns whether every event that meets this condition also meets `other`. `false` if that is unknown.
    pub(super) fn implies(&self, other: &Self) -> bool {
        if self.field != other.field {
            return false;
        }
        let covers = |text: &String| match &other.predicate.operator {
            Operator::OneOf(texts) => texts.iter().any(|each| other.equals(text, each)),
            Operator::Prefix(texts) => texts.iter().any(|each| other.begins_with(text, each)),
            Operator::Exists(wanted) => *wanted,
        };
        // Texts of a condition that ignores case are covered only by a condition that ignores case.
        let ignores_case = !self.predicate.ignore_case || other.predicate.ignore_case;
        match (&self.predicate.operator, &other.predicate.operator) {
            (Operator::Exists(mine), Operator::Exists(others)) => mine == others,
            (Operator::Exists(_), _) => false,
            (_, Operator::Exists(wanted)) => *wanted,
            (Operator::Prefix(_), Operator::OneOf(_)) => false,
            (Operator::OneOf(texts) | Operator::Prefix(texts), _) => ignores_case && texts.iter().all(covers),
        }
    }

    fn equals(&self, text: &str, wanted: &str) -> bool {
        if self.predicate.ignore_case { lower(text).eq(wanted.chars()) } else { text == wanted }
    }

    fn begins_with(&self, text: &str, wanted: &str) -> bool {
        if self.predicate.ignore_case {
            let mut text = lower(text);
            wanted.chars().all(|each| text.next() == Some(each))
        } else {
            text.starts_with(wanted)
        }
    }
}

/// Normalises the texts of a condition like the values of its named field.
///
/// # Errors
/// No value of the field can meet the condition.
fn normalize(field: NamedField, operator: &mut Operator) -> Result<(), String> {
    match operator {
        Operator::OneOf(texts) => {
            for text in texts.iter_mut() {
                *text = field.normalize(Cow::Borrowed(text)).into_owned();
                if text.is_empty() {
                    return Err(
                        "requires an empty text, which counts as absent; write `{exists: false}`".into()
                    );
                }
                if field == NamedField::Direction && Direction::from_text(text).is_none() {
                    return Err("can only be `inbound` or `outbound`".into());
                }
            }
        }
        Operator::Prefix(texts) => {
            let begins_with_digit = |text: &String| text.starts_with(|each: char| each.is_ascii_digit());
            if field.is_phone() && texts.iter().any(begins_with_digit) {
                return Err(
                    "has a prefix that begins with a digit; numbers are compared with their country \
                            code and `+`, such as `+1415`"
                        .into(),
                );
            }
            let directions = [Direction::Inbound, Direction::Outbound];
            let is_direction =
                |text: &String| directions.iter().any(|each| each.name().starts_with(text.as_str()));
            if field == NamedField::Direction && !texts.iter().all(is_direction) {
                return Err("can only be `inbound` or `outbound`".into());
            }
        }
        Operator::Exists(_) => {}
    }
    Ok(())
}

fn lower(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

/// Phrase such as `/data/direction is "inbound"`.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list =
            |texts: &[String]| texts.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(" or ");
        write!(f, "{} ", self.field.text())?;
        match &self.predicate.operator {
            Operator::OneOf(texts) => write!(f, "is {}", list(texts))?,
            Operator::Prefix(texts) => write!(f, "begins with {}", list(texts))?,
            Operator::Exists(true) => f.write_str("is there")?,
            Operator::Exists(false) => f.write_str("is not there")?,
        }
        if self.predicate.ignore_case { f.write_str(" in any case") } else { Ok(()) }
    }
}
