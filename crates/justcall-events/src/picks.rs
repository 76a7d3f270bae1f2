//! Fields that a caller needs besides those of the contract, kept while a body is read.

use super::json::Value;
use smallvec::SmallVec;

/// Object of a body that a field belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// Outermost object.
    Envelope,
    /// `data`
    Data,
}

/// Field to keep.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pick {
    /// Object that the field belongs to.
    pub level: Level,
    /// Name, without JSON's escapes.
    pub name: Box<str>,
}

/// Picked fields of one body.
///
/// [`scan_with`](crate::scan_with) and [`Envelope::validate_with`](crate::Envelope::validate_with) store their
/// values while they read the body, so that nothing is read twice.
#[derive(Debug, Default)]
pub struct Picks<'p, 'a> {
    wanted: &'p [Pick],
    /// Values, in the order of `wanted`.
    found: SmallVec<[Option<&'a str>; 8]>,
}

impl<'p, 'a> Picks<'p, 'a> {
    /// Returns picks without values.
    pub fn of(wanted: &'p [Pick]) -> Self {
        Self { wanted, found: SmallVec::from_elem(None, wanted.len()) }
    }

    /// Returns the raw JSON of the field with that index. Of repeated fields the last counts, as with most
    /// readers.
    pub fn get(&self, index: usize) -> Option<&'a str> {
        self.found.get(index).copied().flatten()
    }

    /// Returns whether any field is in `data`.
    pub(super) fn wants_data(&self) -> bool {
        self.wanted.iter().any(|pick| pick.level == Level::Data)
    }

    /// Keeps a field if it is picked.
    pub(super) fn see(&mut self, level: Level, name: &str, value: Value<'a>) {
        for (pick, found) in self.wanted.iter().zip(&mut self.found) {
            if pick.level == level && *pick.name == *name {
                *found = Some(value.text());
            }
        }
    }
}

#[cfg(test)]
mod tests;
