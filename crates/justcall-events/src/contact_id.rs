//! Id of a contact.

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde::{Serialize, Serializer};
use std::fmt;
use std::num::NonZeroU64;

/// Id of a contact: a positive integer. Reads its decimal string as well, and writes the integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContactId(NonZeroU64);

impl ContactId {
    /// Returns the id of that number. `None`: 0.
    pub fn new(id: u64) -> Option<Self> {
        NonZeroU64::new(id).map(Self)
    }

    /// Returns the id in decimal digits. `None`: not a positive integer without sign and leading 0.
    pub fn from_decimal(digits: &str) -> Option<Self> {
        let canonical = digits.starts_with(|c: char| matches!(c, '1'..='9'));
        canonical.then(|| digits.parse().ok().map(Self)).flatten()
    }

    /// Returns the number.
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for ContactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for ContactId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.get())
    }
}

impl<'de> Deserialize<'de> for ContactId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContactIdVisitor)
    }
}

struct ContactIdVisitor;

impl Visitor<'_> for ContactIdVisitor {
    type Value = ContactId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a positive integer or its decimal string")
    }

    fn visit_u64<E: Error>(self, id: u64) -> Result<ContactId, E> {
        ContactId::new(id).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(id), &self))
    }

    fn visit_str<E: Error>(self, digits: &str) -> Result<ContactId, E> {
        // The string itself stays out of the error: it may be private.
        ContactId::from_decimal(digits).ok_or_else(|| E::invalid_value(Unexpected::Other("string"), &self))
    }
}

#[cfg(test)]
mod tests;
