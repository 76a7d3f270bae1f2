//! Fields of the documented dialect.

use super::json::{Value, each_item};
use super::metadata::{MAX_ENTITY_ID, MAX_TIME, is_metadata};
use super::{ContactId, JsonType, Validation, Violation};
use chrono::{DateTime, Datelike, FixedOffset, Timelike};
use std::borrow::Cow;

/// Kind of a documented value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Entity id, not empty.
    Identity,
    /// Contact's id: a positive integer, or its decimal string.
    ContactIdentity,
    /// Any string.
    Text,
    /// Phone number, E.164 if strict.
    Phone,
    /// http(s) URL.
    Url,
    /// RFC 3339 time, in UTC if strict.
    Time,
    /// Integer from 0.
    Count,
    /// Any integer.
    Integer,
    /// Array of strings.
    Texts,
}

/// Documented field of `data`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Name on the wire.
    pub name: &'static str,
    /// JSON pointer in the body.
    pub pointer: &'static str,
    /// Kind of value.
    pub kind: Kind,
    /// True if [`Validation::Strict`] accepts null.
    pub nullable: bool,
    /// Description.
    pub about: &'static str,
}

impl Kind {
    const fn expected(self) -> &'static str {
        match self {
            Self::Identity => "a non-empty string of at most 256 bytes without control characters",
            Self::ContactIdentity => "a positive integer or its decimal string",
            Self::Text | Self::Phone | Self::Url | Self::Time => "a string",
            Self::Count => "a non-negative integer",
            Self::Integer => "an integer",
            Self::Texts => "an array of strings",
        }
    }
}

impl Field {
    /// Returns whether the field identifies the entity.
    pub const fn is_identity(&self) -> bool {
        matches!(self.kind, Kind::Identity | Kind::ContactIdentity)
    }

    /// Returns `None` if the field may be missing.
    pub(super) fn missing(&self, validation: Validation) -> Option<Violation> {
        (self.is_identity() || validation == Validation::Strict)
            .then(|| self.violation(self.kind.expected(), JsonType::Missing))
    }

    pub(super) fn repeated(&self, value: Value<'_>) -> Violation {
        self.violation("the field only once", value.json_type())
    }

    pub(super) fn check(&self, value: Value<'_>, validation: Validation) -> Result<(), Violation> {
        let strict = validation == Validation::Strict;
        let found = value.json_type();
        if found == JsonType::Null && !self.is_identity() && (!strict || self.nullable) {
            return Ok(());
        }
        if found == JsonType::Array && self.kind == Kind::Texts {
            return self.check_items(value);
        }
        if !self.kind.admits(value) {
            return Err(self.violation(self.kind.expected(), found));
        }
        let more = if strict { self.kind.expected_strictly(value) } else { None };
        more.map_or(Ok(()), |expected| Err(self.violation(expected, found)))
    }

    fn check_items(&self, array: Value<'_>) -> Result<(), Violation> {
        let mut at = 0_usize;
        let mut first = None;
        let _ = each_item(array, |item| {
            if first.is_none() && !item.is_string() {
                first = Some((at, item.json_type()));
            }
            at += 1;
        });
        first.map_or(Ok(()), |(at, found)| {
            let pointer = Cow::Owned(format!("{}/{at}", self.pointer));
            Err(Violation { pointer, expected: Kind::Text.expected(), found })
        })
    }

    const fn violation(&self, expected: &'static str, found: JsonType) -> Violation {
        Violation { pointer: Cow::Borrowed(self.pointer), expected, found }
    }
}

impl Kind {
    /// Agrees with the types of the structs that [`contract!`] makes.
    fn admits(self, value: Value<'_>) -> bool {
        match self {
            Self::Identity => value.as_string().is_some_and(|id| is_metadata(&id, MAX_ENTITY_ID)),
            Self::ContactIdentity => value.reads_as::<ContactId>(),
            Self::Text | Self::Phone | Self::Url | Self::Time => value.is_string(),
            Self::Count => value.reads_as::<u64>(),
            Self::Integer => value.reads_as::<i64>(),
            Self::Texts => false,
        }
    }

    /// Returns the violated requirement of [`Validation::Strict`] beyond the type.
    fn expected_strictly(self, value: Value<'_>) -> Option<&'static str> {
        let (holds, expected): (fn(&str) -> bool, _) = match self {
            Self::Phone => (is_e164, "a phone number in E.164"),
            Self::Url => (is_http_url, "an http or https URL"),
            Self::Time => (is_utc_time, "an RFC 3339 timestamp in UTC"),
            _ => return None,
        };
        let kept = value.as_string().is_some_and(|text| holds(&text));
        (!kept).then_some(expected)
    }
}

fn is_e164(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (7..=15).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0')
}

fn is_http_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let is_http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    is_http
        && !host.is_empty()
        && !host.starts_with(':')
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// Accepts RFC 3339 with any offset, its `T`, no year 0000 and no leap second, as all consumers can read it.
pub(super) fn is_time(text: &str) -> bool {
    // chrono also takes a space and U+2212.
    let is_plain = text.is_ascii() && !text.contains(' ') && is_metadata(text, MAX_TIME);
    // chrono gives a leap second a billion nanoseconds or more. Consumers convert, so the year in UTC counts too.
    let is_common = |time: DateTime<FixedOffset>| {
        time.year() > 0 && (1..=9999).contains(&time.naive_utc().year()) && time.nanosecond() < 1_000_000_000
    };
    is_plain && DateTime::parse_from_rfc3339(text).is_ok_and(is_common)
}

pub(super) fn is_utc_time(text: &str) -> bool {
    is_time(text) && (text.ends_with(['Z', 'z']) || text.ends_with("+00:00"))
}

/// Declares the struct of a documented type and its table of fields.
///
/// Order: the identity, fields shown with a value, fields shown as null. All but the identity are an `Option`:
/// null reads like missing, and is written as in the reference.
macro_rules! contract {
    ($wire_name:literal, $name:ident {
        $(#[doc = $id_doc:literal])* $id:ident: $id_kind:ident;
        $($(#[doc = $field_doc:literal])* $field:ident: $kind:ident,)*
        $(; $($(#[doc = $null_doc:literal])* $null:ident: $null_kind:ident,)*)?
    }) => {
        #[doc = concat!("Fields of `", $wire_name, "` in the documented dialect.")]
        #[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
        #[non_exhaustive]
        pub struct $name<'a> {
            $(#[doc = $id_doc])*
            #[serde(borrow)]
            pub $id: $crate::field::of_kind!('a $id_kind),
            $($(#[doc = $field_doc])*
            #[serde(borrow, skip_serializing_if = "Option::is_none")]
            pub $field: Option<$crate::field::of_kind!('a $kind)>,)*
            $($($(#[doc = $null_doc])*
            #[serde(borrow)]
            pub $null: Option<$crate::field::of_kind!('a $null_kind)>,)*)?
        }

        impl $name<'_> {
            /// Fields of `data`, the identity first.
            pub const FIELDS: &'static [$crate::Field] = &[
                $crate::field::field!($id, $id_kind, false, [$($id_doc)*]),
                $($crate::field::field!($field, $kind, false, [$($field_doc)*]),)*
                $($($crate::field::field!($null, $null_kind, true, [$($null_doc)*]),)*)?
            ];
        }
    };
}

macro_rules! of_kind {
    ($a:lifetime ContactIdentity) => { $crate::ContactId };
    ($a:lifetime Count) => { u64 };
    ($a:lifetime Integer) => { i64 };
    ($a:lifetime Texts) => { Vec<$crate::Text<$a>> };
    ($a:lifetime $string:ident) => { $crate::Text<$a> };
}

macro_rules! field {
    ($name:ident, $kind:ident, $nullable:literal, [$($doc:literal)*]) => {
        $crate::Field {
            name: stringify!($name),
            pointer: concat!("/data/", stringify!($name)),
            kind: $crate::Kind::$kind,
            nullable: $nullable,
            about: concat!($($doc),*).trim_ascii(),
        }
    };
}

pub(super) use {contract, field, of_kind};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e164_is_a_plus_and_seven_to_fifteen_digits_of_which_the_first_is_not_0() {
        for (text, expected) in [
            ("+14155550123", true),
            ("+1234567", true),
            ("+123456", false),
            ("+123456789012345", true),
            ("+1234567890123456", false),
            ("+04155550123", false),
            ("14155550123", false),
            ("+1 415 555 0123", false),
            ("+1415555012x", false),
            ("++14155550123", false),
            ("+١٢٣٤٥٦٧", false),
            ("", false),
        ] {
            assert_eq!(is_e164(text), expected, "{text}");
        }
    }

    #[test]
    fn a_url_has_http_or_https_and_a_host() {
        for (text, expected) in [
            ("https://example.com/a.mp3?b=c#d", true),
            ("HTTP://example.com", true),
            ("https://user:word@example.com:8443/", true),
            ("http://[2001:db8::1]:80/", true),
            ("ftp://example.com/a", false),
            ("https:///a.mp3", false),
            ("https://:443/a", false),
            ("https://user@/a", false),
            ("https://?q", false),
            ("example.com/a.mp3", false),
            ("https://example.com/a b", false),
            ("https://example.com/a\n", false),
            ("", false),
        ] {
            assert_eq!(is_http_url(text), expected, "{text}");
        }
    }

    #[test]
    fn times_are_rfc_3339_with_t_and_strict_times_are_in_utc() {
        for (text, time, utc) in [
            ("2026-03-12T14:30:00Z", true, true),
            ("2026-03-12t14:30:00.123456789012z", true, true),
            ("2026-03-12T14:30:00+00:00", true, true),
            ("2026-03-12T14:30:00-00:00", true, false),
            ("2026-03-12T14:30:00+05:30", true, false),
            ("2016-12-31T23:59:60Z", false, false),
            ("2016-12-31T23:59:60.5+00:00", false, false),
            ("0000-01-01T00:00:00Z", false, false),
            ("0001-01-01T00:00:00Z", true, true),
            ("0001-01-01T00:00:00+05:30", false, false),
            ("0001-01-01T05:30:00+05:30", true, false),
            ("9999-12-31T23:59:59Z", true, true),
            ("9999-12-31T23:59:59-01:00", false, false),
            ("2024-02-29T00:00:00Z", true, true),
            ("2026-02-29T00:00:00Z", false, false),
            ("2026-03-12T24:00:00Z", false, false),
            ("2026-03-12T14:30:00", false, false),
            ("2026-03-12T14:30Z", false, false),
            ("2026-03-12 14:30:00Z", false, false),
            ("2026-03-12T14:30:00\u{2212}05:00", false, false),
            ("2026-03-12T14:30:00+0530", false, false),
            ("2026-03-12T14:30:00+24:00", false, false),
            (" 2026-03-12T14:30:00Z", false, false),
            ("2026-03-12T14:30:00Z\n", false, false),
            ("+12026-03-12T14:30:00Z", false, false),
            ("1773325800", false, false),
            ("", false, false),
        ] {
            assert_eq!((is_time(text), is_utc_time(text)), (time, utc), "{text}");
        }
        assert!(!is_time(&format!("2026-03-12T14:30:00.{}Z", "1".repeat(600_000))), "it becomes a header");
    }
}
