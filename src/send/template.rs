//! Turns each copy of a sample into a new event.

use chrono::DateTime;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Fields of `data` that may identify the subject of an event.
const IDENTITIES: [&str; 5] = ["call_id", "call_sid", "message_id", "contact_id", "id"];

/// Sample split at the values that identify one event: identities, `timestamp` and `request_id`. Everything
/// between them stays byte for byte.
#[derive(Debug)]
pub(super) struct Template<'a> {
    slots: Vec<Slot<'a>>,
    tail: &'a str,
    length: usize,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    /// Random number of the run.
    pub(super) run: u64,
    /// Sequence number of the event within the run.
    pub(super) sequence: u64,
    /// Time of sending, in milliseconds since 1970.
    pub(super) millis: u64,
}

#[derive(Debug)]
struct Slot<'a> {
    before: &'a str,
    fill: Fill<'a>,
}

/// Replacement of a value, with the same JSON type and a similar format.
#[derive(Debug, PartialEq, Eq)]
enum Fill<'a> {
    /// Such as `98765`.
    Number,
    /// Such as `"98765"`.
    Digits,
    /// Such as `"call_8f3a2b1c"`, which keeps its prefix.
    Name { prefix: &'a str },
    /// Value of `request_id`.
    Ulid,
    /// Value of `timestamp`.
    Time,
    /// Value of `webhook_url`, as JSON.
    Url(String),
}

#[derive(Deserialize)]
struct Sample<'a> {
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    request_id: Option<&'a RawValue>,
    #[serde(borrow)]
    webhook_url: Option<&'a RawValue>,
    #[serde(borrow)]
    data: BTreeMap<String, &'a RawValue>,
}

impl<'a> Template<'a> {
    /// Splits a sample. `webhook_url` replaces the sample's value, if any. Fails unless the sample is a JSON
    /// object with an object `data`.
    pub(super) fn parse(sample: &'a str, webhook_url: &str) -> Result<Self, serde_json::Error> {
        let Sample { timestamp, request_id, webhook_url: sample_url, data } = serde_json::from_str(sample)?;
        let url = serde_json::to_string(webhook_url)?;
        let identities = IDENTITIES.iter().filter_map(|name| data.get(*name)).map(|raw| raw.get());
        let mut found: Vec<(usize, &str, Fill<'_>)> = identities
            .filter_map(|raw| Some((raw, identity(raw)?)))
            .chain(timestamp.and_then(|raw| Some((raw.get(), string(raw.get(), Fill::Time)?))))
            .chain(request_id.and_then(|raw| Some((raw.get(), string(raw.get(), Fill::Ulid)?))))
            .chain(sample_url.map(|raw| (raw.get(), Fill::Url(url.clone()))))
            // A raw value borrows from the sample, so the difference of their addresses is its offset.
            .map(|(raw, fill)| (raw.as_ptr().addr() - sample.as_ptr().addr(), raw, fill))
            .collect();
        found.sort_by_key(|(at, ..)| *at);

        let mut end = 0;
        let slots = found
            .into_iter()
            .map(|(at, raw, fill)| {
                let before = &sample[end..at];
                end = at + raw.len();
                Slot { before, fill }
            })
            .collect();
        // No other replacement is longer than the original by more than this.
        Ok(Self { slots, tail: &sample[end..], length: sample.len() + 5 * 32 + url.len() })
    }

    pub(super) fn fill(&self, stamp: Stamp) -> String {
        let mut body = String::with_capacity(self.length);
        for slot in &self.slots {
            body.push_str(slot.before);
            slot.fill.write(stamp, &mut body);
        }
        body.push_str(self.tail);
        body
    }
}

impl Fill<'_> {
    fn write(&self, stamp: Stamp, body: &mut String) {
        let text = match self {
            Self::Number => stamp.number().to_string(),
            Self::Digits => format!("\"{}\"", stamp.number()),
            Self::Name { prefix } => format!("\"{prefix}{}\"", stamp.name()),
            Self::Ulid => format!("\"{}\"", stamp.ulid()),
            Self::Time => format!("\"{}\"", stamp.time()),
            Self::Url(url) => url.clone(),
        };
        body.push_str(&text);
    }
}

impl Stamp {
    /// Returns a number below 2^53, which every JSON reader accepts without rounding.
    fn number(self) -> u64 {
        (self.run >> 12) + self.sequence
    }

    /// Returns 16 letters and digits.
    fn name(self) -> String {
        base32(self.random(), 16).to_ascii_lowercase()
    }

    fn ulid(self) -> String {
        base32(u128::from(self.millis), 10) + &base32(self.random(), 16)
    }

    /// Returns RFC 3339, UTC and whole seconds, as JustCall writes it.
    fn time(self) -> String {
        let millis = i64::try_from(self.millis).unwrap_or_default();
        DateTime::from_timestamp_millis(millis).unwrap_or_default().format("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// Returns 80 bits, half of them from the run.
    fn random(self) -> u128 {
        const HALF: u64 = (1 << 40) - 1;
        u128::from(self.run & HALF) << 40 | u128::from(self.sequence & HALF)
    }
}

/// Returns the last `digits` digits in Crockford's base 32, as in a ULID.
fn base32(number: u128, digits: u32) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    (0..digits).rev().map(|at| char::from(DIGITS[(number >> (5 * at)) as usize % 32])).collect()
}

/// Returns `None` for values that identify nothing, such as null and `""`.
fn identity(raw: &str) -> Option<Fill<'_>> {
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        None => all_digits(raw).then_some(Fill::Number),
        Some("") => None,
        Some(text) if all_digits(text) => Some(Fill::Digits),
        // An escape such as \u005f contains no underscore, so the cut never splits one.
        Some(text) => Some(Fill::Name { prefix: text.rfind('_').map_or("", |at| &text[..=at]) }),
    }
}

fn string<'a>(raw: &str, fill: Fill<'a>) -> Option<Fill<'a>> {
    raw.starts_with('"').then_some(fill)
}

#[cfg(test)]
mod tests;
