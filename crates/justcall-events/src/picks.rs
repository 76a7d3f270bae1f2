//! Fields that are wanted besides those of the contract, taken along while a body is read.

use super::json::Value;
use smallvec::SmallVec;

/// Which object of a body a field stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// The outermost one.
    Envelope,
    /// `data`
    Data,
}

/// A field that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pick {
    /// Where it stands.
    pub level: Level,
    /// Its name, as it reads without JSON's escapes.
    pub name: Box<str>,
}

/// The wanted fields of one body. [`scan_with`](super::scan_with) and
/// [`Envelope::validate_with`](super::Envelope::validate_with) fill them in as they pass by, so that
/// nothing is read twice.
#[derive(Debug, Default)]
pub struct Picks<'p, 'a> {
    wanted: &'p [Pick],
    /// In the order of `wanted`.
    found: SmallVec<[Option<&'a str>; 8]>,
}

impl<'p, 'a> Picks<'p, 'a> {
    /// Nothing found yet.
    pub fn of(wanted: &'p [Pick]) -> Self {
        Self { wanted, found: SmallVec::from_elem(None, wanted.len()) }
    }

    /// The raw JSON of the wanted field of that index. Of fields with the same name the last counts,
    /// as with most readers.
    pub fn get(&self, index: usize) -> Option<&'a str> {
        self.found.get(index).copied().flatten()
    }

    /// Whether `data` has to be walked for them.
    pub(super) fn wants_data(&self) -> bool {
        self.wanted.iter().any(|pick| pick.level == Level::Data)
    }

    /// Keeps a field if it is wanted.
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
