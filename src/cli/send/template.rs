//! Makes each copy of a sample an event of its own.

use chrono::DateTime;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The fields of `data` that may identify what an event is about.
const IDENTITIES: [&str; 5] = ["call_id", "call_sid", "message_id", "contact_id", "id"];

/// A sample cut at the values that make it one event: identities, `timestamp` and `request_id`.
/// Everything between them is kept byte for byte.
#[derive(Debug)]
pub(super) struct Template<'a> {
    slots: Vec<Slot<'a>>,
    tail: &'a str,
    length: usize,
}

/// What tells one copy from every other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    /// Chosen at random once for each run, so that two runs differ.
    pub(super) run: u64,
    /// Counts the events of a run.
    pub(super) sequence: u64,
    /// When it is sent, in milliseconds since 1970.
    pub(super) millis: u64,
}

#[derive(Debug)]
struct Slot<'a> {
    /// What stands between the slot before and this one.
    before: &'a str,
    fill: Fill<'a>,
}

/// What takes the place of a value, in the same JSON type and a similar form.
#[derive(Debug, PartialEq, Eq)]
enum Fill<'a> {
    /// `98765`
    Number,
    /// `"98765"`
    Digits,
    /// `"call_8f3a2b1c"`, of which the prefix stays.
    Name { prefix: &'a str },
    /// `request_id`
    Ulid,
    /// `timestamp`
    Time,
    /// `webhook_url`, as JSON
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
    /// Cuts up a sample. `webhook_url` is what it will name where it names one.
    ///
    /// # Errors
    /// When it is no JSON object with an object `data`.
    pub(super) fn parse(sample: &'a str, webhook_url: &str) -> Result<Self, serde_json::Error> {
        let Sample { timestamp, request_id, webhook_url: sample_url, data } = serde_json::from_str(sample)?;
        let url = serde_json::to_string(webhook_url)?;
        let identities = IDENTITIES.iter().filter_map(|name| data.get(*name)).map(|raw| raw.get());
        let mut found: Vec<(usize, &str, Fill<'_>)> = identities
            .filter_map(|raw| Some((raw, identity(raw)?)))
            .chain(timestamp.and_then(|raw| Some((raw.get(), string(raw.get(), Fill::Time)?))))
            .chain(request_id.and_then(|raw| Some((raw.get(), string(raw.get(), Fill::Ulid)?))))
            .chain(sample_url.map(|raw| (raw.get(), Fill::Url(url.clone()))))
            // A raw value borrows from the sample, so the distance of their addresses is its place.
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
        // No other fill is more than this longer than what it replaces.
        Ok(Self { slots, tail: &sample[end..], length: sample.len() + 5 * 32 + url.len() })
    }

    /// The body of one copy.
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
    /// Below 2^53, which every JSON reader takes without rounding.
    fn number(self) -> u64 {
        (self.run >> 12) + self.sequence
    }

    /// 16 letters and digits.
    fn name(self) -> String {
        base32(self.random(), 16).to_ascii_lowercase()
    }

    fn ulid(self) -> String {
        base32(u128::from(self.millis), 10) + &base32(self.random(), 16)
    }

    /// RFC 3339 in UTC with whole seconds, as JustCall writes it.
    fn time(self) -> String {
        let millis = i64::try_from(self.millis).unwrap_or_default();
        DateTime::from_timestamp_millis(millis).unwrap_or_default().format("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// 80 bits, half of them the run's.
    fn random(self) -> u128 {
        const HALF: u64 = (1 << 40) - 1;
        u128::from(self.run & HALF) << 40 | u128::from(self.sequence & HALF)
    }
}

/// The last `digits` digits of a number in Crockford's base 32, as in a ULID.
fn base32(number: u128, digits: u32) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    (0..digits).rev().map(|at| char::from(DIGITS[(number >> (5 * at)) as usize % 32])).collect()
}

/// How to replace an identity; `""`, null and anything else that identifies nothing stays.
fn identity(raw: &str) -> Option<Fill<'_>> {
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        None => all_digits(raw).then_some(Fill::Number),
        Some("") => None,
        Some(text) if all_digits(text) => Some(Fill::Digits),
        // An escape such as \u005f holds no underscore, so the cut never goes through one.
        Some(text) => Some(Fill::Name { prefix: text.rfind('_').map_or("", |at| &text[..=at]) }),
    }
}

fn string<'a>(raw: &str, fill: Fill<'a>) -> Option<Fill<'a>> {
    raw.starts_with('"').then_some(fill)
}

#[cfg(test)]
mod tests;
