use super::json::{Value, each_field};
use super::metadata::{MAX_TYPE, is_metadata};
use super::{Dialect, EventType, JsonType, Level, Picks};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Result of [`scan`].
#[derive(Debug)]
pub enum Scanned<'a> {
    /// JustCall's URL test: an empty body, or no `data`.
    Probe,
    /// Envelope of an event.
    Envelope(Envelope<'a>),
}

/// Envelope with unvalidated contents.
#[derive(Debug)]
pub struct Envelope<'a> {
    /// Format.
    pub dialect: Dialect,
    /// Event's type.
    pub event_type: EventType<'a>,
    /// Signed `webhook_url` of the live dialect. `None`: not a string.
    pub webhook_url: Option<Cow<'a, str>>,
    pub(super) fields: EnvelopeFields<'a>,
    /// JSON object.
    pub(super) data: &'a RawValue,
}

/// Reason why a body is not an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// Not JSON, or not UTF-8.
    NotJson,
    /// Not an object with a string `event` or `type` and an object `data`.
    NotAnEnvelope,
    /// Both `event` and `type`, or an envelope's name in another case.
    Ambiguous,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotJson => "the body is not JSON",
            Self::NotAnEnvelope => "the body is not a JustCall envelope",
            Self::Ambiguous => {
                "the body has both `event` and `type`, or a name of the envelope in another case, so it is ambiguous"
            }
        })
    }
}

impl std::error::Error for Malformed {}

/// Reads the envelope of a body.
///
/// # Errors
/// Not JSON, not an envelope, or ambiguous. A repeated field of the envelope is an error: readers disagree on
/// which one counts.
pub fn scan(body: &[u8]) -> Result<Scanned<'_>, Malformed> {
    scan_with(body, &mut Picks::default())
}

/// Reads like [`scan`], and keeps the picked fields of the envelope.
///
/// # Errors
/// As [`scan`].
pub fn scan_with<'a>(body: &'a [u8], picks: &mut Picks<'_, 'a>) -> Result<Scanned<'a>, Malformed> {
    if body.trim_ascii().is_empty() {
        return Ok(Scanned::Probe);
    }
    let text = std::str::from_utf8(body).map_err(|_| Malformed::NotJson)?;
    let fields = EnvelopeFields::read(text, picks)?;
    let (dialect, name) = match (fields.event, fields.kind) {
        (Some(_), Some(_)) => return Err(Malformed::Ambiguous),
        (Some(name), None) => (Dialect::Documented, name),
        (None, Some(name)) => (Dialect::Live, name),
        (None, None) => return Err(Malformed::NotAnEnvelope),
    };
    let event_type = type_name(name.into()).map(EventType::from_name).ok_or(Malformed::NotAnEnvelope)?;
    let Some(data) = fields.data else { return Ok(Scanned::Probe) };
    if Value::from(data).json_type() != JsonType::Object {
        return Err(Malformed::NotAnEnvelope);
    }
    let webhook_url = match dialect {
        Dialect::Documented => None,
        Dialect::Live => fields.webhook_url.and_then(|url| Value::from(url).as_string()),
    };
    Ok(Scanned::Envelope(Envelope { dialect, event_type, webhook_url, fields, data }))
}

fn type_name(value: Value<'_>) -> Option<Cow<'_, str>> {
    let name = value.as_string()?;
    is_metadata(&name, MAX_TYPE).then_some(name)
}

const NAMES: [&str; 7] = ["event", "type", "data", "timestamp", "request_id", "webhook_url", "url_id"];

/// Some readers fold the case of all of Unicode: `timeſtamp` is `timestamp` to them.
fn is_same_but_for_case(name: &str, known: &str) -> bool {
    if name.is_ascii() {
        return name.eq_ignore_ascii_case(known);
    }
    let folded = name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    folded.eq(known.chars())
}

#[derive(Debug, Default)]
pub(super) struct EnvelopeFields<'a> {
    event: Option<&'a RawValue>,
    kind: Option<&'a RawValue>,
    data: Option<&'a RawValue>,
    pub(super) timestamp: Option<&'a RawValue>,
    pub(super) request_id: Option<&'a RawValue>,
    pub(super) webhook_url: Option<&'a RawValue>,
    pub(super) url_id: Option<&'a RawValue>,
}

impl<'a> EnvelopeFields<'a> {
    fn read(text: &'a str, picks: &mut Picks<'_, 'a>) -> Result<Self, Malformed> {
        // From here on, only invalid JSON can fail.
        if !text.trim_ascii_start().starts_with('{') {
            return Err(match serde_json::from_str::<IgnoredAny>(text) {
                Ok(_) => Malformed::NotAnEnvelope,
                Err(_) => Malformed::NotJson,
            });
        }
        let mut fields = Self::default();
        let (mut repeated, mut miscased) = (false, false);
        each_field(text, |name, value| {
            picks.see(Level::Envelope, name, value.into());
            if let Some(slot) = fields.slot(name) {
                repeated |= slot.replace(value).is_some();
            } else {
                miscased |= NAMES.iter().any(|known| is_same_but_for_case(name, known));
            }
        })
        .map_err(|_| Malformed::NotJson)?;
        match (repeated, miscased) {
            (true, _) => Err(Malformed::NotAnEnvelope),
            // A consumer that ignores case would read another event.
            (_, true) => Err(Malformed::Ambiguous),
            _ => Ok(fields),
        }
    }

    fn slot(&mut self, name: &str) -> Option<&mut Option<&'a RawValue>> {
        match name {
            "event" => Some(&mut self.event),
            "type" => Some(&mut self.kind),
            "data" => Some(&mut self.data),
            "timestamp" => Some(&mut self.timestamp),
            "request_id" => Some(&mut self.request_id),
            "webhook_url" => Some(&mut self.webhook_url),
            "url_id" => Some(&mut self.url_id),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
