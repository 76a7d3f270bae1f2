//! Validation of a body against the contract of its type.

use super::envelope::EnvelopeFields;
use super::event_id::ulid_millis;
use super::field::{is_time, is_utc_time};
use super::json::{Value, each_known_field};
use super::{BodyHash, Dialect, Envelope, Event, EventId, EventType, Field, Level, Picks, entity_id};
use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Strictness of validation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Validation {
    /// Requires envelope, timestamp and entity id. Other documented fields may be missing or null, or have the
    /// documented type. Unknown fields pass.
    #[default]
    Documented,
    /// Requires envelope and identity (a string or an integer). Counts other violations.
    Tolerant,
    /// Also requires every documented field, null only where the reference shows null, E.164 numbers, http(s)
    /// URLs and times in UTC.
    Strict,
}

impl Validation {
    /// Every strictness.
    pub const ALL: [Self; 3] = [Self::Documented, Self::Tolerant, Self::Strict];

    /// Returns the name, such as `documented`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Tolerant => "tolerant",
            Self::Strict => "strict",
        }
    }
}

/// JSON type of a value, reported instead of the value, which may be private.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonType {
    /// No field.
    Missing,
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// Any number.
    Number,
    /// Any string.
    String,
    /// Any array.
    Array,
    /// Any object.
    Object,
}

impl JsonType {
    /// Returns the name in JSON Schema, or `missing`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

/// First violation of the contract: in the envelope, then in `data` in document order, then missing fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer (RFC 6901), such as `/data/duration`.
    pub pointer: Cow<'static, str>,
    /// Requirement.
    pub expected: &'static str,
    /// Actual type.
    pub found: JsonType,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.pointer, self.expected, self.found.name())
    }
}

impl std::error::Error for Violation {}

struct Findings {
    validation: Validation,
    first: Option<Violation>,
    tolerated: u32,
}

impl Findings {
    fn report(&mut self, violation: Violation) {
        if self.validation == Validation::Tolerant {
            self.tolerated = self.tolerated.saturating_add(1);
        } else {
            self.reject(violation);
        }
    }

    fn reject(&mut self, violation: Violation) {
        self.first.get_or_insert(violation);
    }

    fn expect(
        &mut self,
        pointer: &'static str,
        value: Option<&RawValue>,
        rule: fn(Value<'_>) -> bool,
        expected: &'static str,
    ) {
        let Some(value) = value.map(Value::from) else { return };
        if value.json_type() != JsonType::Null && !rule(value) {
            self.report(Violation { pointer: Cow::Borrowed(pointer), expected, found: value.json_type() });
        }
    }
}

impl<'a> Envelope<'a> {
    /// Validates the body against the contract of its type.
    ///
    /// Documented types follow the reference. Other known types need their envelope and an identity by the rule of
    /// the family. An unknown type needs nothing.
    ///
    /// # Errors
    /// The first violation that `validation` does not ignore.
    pub fn validate(self, validation: Validation, hash: &BodyHash) -> Result<Event<'a>, Violation> {
        self.validate_with(validation, hash, &mut Picks::default())
    }

    /// Validates like [`Envelope::validate`], and keeps the picked fields of `data`.
    ///
    /// # Errors
    /// As [`Envelope::validate`].
    pub fn validate_with(
        self,
        validation: Validation,
        hash: &BodyHash,
        picks: &mut Picks<'_, 'a>,
    ) -> Result<Event<'a>, Violation> {
        let mut findings = Findings { validation, first: None, tolerated: 0 };
        let (id, time) = match self.dialect {
            Dialect::Documented => (EventId::from_hash(hash), self.documented_time(&mut findings)),
            Dialect::Live => self.live_id_and_time(hash, &mut findings),
        };
        let entity_id = self.entity_id(&mut findings, picks);
        match findings.first {
            Some(violation) => Err(violation),
            None => Ok(Event {
                dialect: self.dialect,
                event_type: self.event_type,
                id,
                entity_id,
                time,
                violations: findings.tolerated,
            }),
        }
    }

    fn documented_time(&self, findings: &mut Findings) -> Option<Cow<'a, str>> {
        let (holds, expected): (fn(&str) -> bool, _) = match findings.validation {
            Validation::Strict => (is_utc_time, "an RFC 3339 timestamp in UTC"),
            Validation::Documented | Validation::Tolerant => (is_time, "an RFC 3339 timestamp"),
        };
        let value = self.fields.timestamp.map(Value::from);
        let time = value.and_then(Value::as_string).filter(|text| is_time(text));
        if self.is_known() && !time.as_deref().is_some_and(holds) {
            let found = value.map_or(JsonType::Missing, Value::json_type);
            findings.report(Violation { pointer: Cow::Borrowed("/timestamp"), expected, found });
        }
        time
    }

    fn live_id_and_time(&self, hash: &BodyHash, findings: &mut Findings) -> (EventId, Option<Cow<'a, str>>) {
        let EnvelopeFields { request_id, webhook_url, url_id, .. } = self.fields;
        if self.is_known() {
            findings.expect("/request_id", request_id, |value| value.is_string(), "a string");
            findings.expect("/webhook_url", webhook_url, |value| value.is_string(), "a string");
            let string_or_integer = |value: Value<'_>| value.is_string() || value.as_integer().is_some();
            findings.expect("/url_id", url_id, string_or_integer, "a string or an integer");
        }
        let request_id = request_id.and_then(|value| Value::from(value).as_string());
        let id = request_id.as_deref().and_then(EventId::from_request_id);
        let time = request_id.as_deref().and_then(ulid_time).map(Cow::Owned);
        (id.unwrap_or_else(|| EventId::from_hash(hash)), time)
    }

    fn entity_id(&self, findings: &mut Findings, picks: &mut Picks<'_, 'a>) -> Option<Cow<'a, str>> {
        let data = self.data.get();
        if let (Dialect::Documented, EventType::Known(known)) = (self.dialect, &self.event_type)
            && let Some(fields) = known.documented_fields()
        {
            return check_data(data, fields, findings, picks);
        }
        let Some(family) = self.event_type.family() else {
            if picks.wants_data() {
                each_known_field(data, |name, value| picks.see(Level::Data, name, value));
            }
            return None;
        };
        match entity_id::of_data(data, family, picks) {
            Ok(id) => Some(id),
            Err(violation) => {
                if self.is_known() {
                    findings.reject(violation);
                }
                None
            }
        }
    }

    const fn is_known(&self) -> bool {
        self.event_type.known().is_some()
    }
}

fn check_data<'a>(
    data: &'a str,
    fields: &[Field],
    findings: &mut Findings,
    picks: &mut Picks<'_, 'a>,
) -> Option<Cow<'a, str>> {
    let mut entity_id = None;
    let mut seen = 0_u32;
    // Tried first, because fields usually are in the reference's order.
    let mut expected = 0;
    each_known_field(data, |name, value| {
        picks.see(Level::Data, name, value);
        let mut order = (expected..fields.len()).chain(0..expected);
        let Some(at) = order.find(|at| fields[*at].name == name) else { return };
        expected = at + 1;
        let field = &fields[at];
        let repeated = seen & (1 << at) != 0;
        seen |= 1 << at;
        let judged =
            if repeated { Err(field.repeated(value)) } else { field.check(value, findings.validation) };
        // A repeated identity is invalid: readers disagree on which one counts.
        let id = (field.is_identity() && !repeated).then(|| entity_id::of_value(value)).flatten();
        match judged {
            Ok(()) => {}
            Err(violation) if field.is_identity() && id.is_none() => findings.reject(violation),
            Err(violation) => findings.report(violation),
        }
        entity_id = entity_id.take().or(id);
    });
    for (_, field) in fields.iter().enumerate().filter(|(at, _)| seen & (1 << at) == 0) {
        if let Some(violation) = field.missing(findings.validation) {
            findings.reject(violation);
        }
    }
    entity_id
}

/// `None`: not a ULID, or after the year 9999, which RFC 3339 cannot write.
fn ulid_time(request_id: &str) -> Option<String> {
    let millis = i64::try_from(ulid_millis(request_id)?).ok()?;
    let time = DateTime::<Utc>::from_timestamp_millis(millis).filter(|time| time.year() <= 9999)?;
    Some(time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

#[cfg(test)]
mod tests;
