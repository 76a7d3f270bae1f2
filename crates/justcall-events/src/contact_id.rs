use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde::{Serialize, Serializer};
use std::fmt;
use std::num::NonZeroU64;

/// Contact's id, a positive integer. Also reads its decimal string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContactId(NonZeroU64);

impl ContactId {
    /// Returns `None` for 0.
    pub fn new(id: u64) -> Option<Self> {
        NonZeroU64::new(id).map(Self)
    }

    /// Returns `None` unless a positive integer without sign and leading 0.
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
        // Omits the string, which may be private.
        ContactId::from_decimal(digits).ok_or_else(|| E::invalid_value(Unexpected::Other("string"), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contact_id_reads_an_integer_or_its_string_and_writes_the_integer() {
        for text in ["98765", r#""98765""#] {
            let id: ContactId = serde_json::from_str(text).unwrap();
            assert_eq!((id.get(), serde_json::to_string(&id).unwrap().as_str()), (98_765, "98765"));
        }
        assert_eq!(ContactId::from_decimal("18446744073709551615").map(ContactId::get), Some(u64::MAX));
    }

    #[test]
    fn other_values_are_not_a_contact_id() {
        for text in [
            "0",
            "-1",
            "-0",
            "1.0",
            "1e3",
            "1e400",
            "18446744073709551616",
            "null",
            "true",
            "[1]",
            "{}",
            r#""""#,
            r#""0""#,
            r#""01""#,
            r#""+1""#,
            r#""-1""#,
            r#""1 ""#,
            r#""1.0""#,
            r#""18446744073709551616""#,
            r#""١""#,
        ] {
            assert!(serde_json::from_str::<ContactId>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_error_does_not_repeat_the_string() {
        let error = serde_json::from_str::<ContactId>(r#""Noa Lindqvist""#).unwrap_err();
        assert!(!error.to_string().contains("Noa"), "{error}");
    }
}
