use super::json::{Value, each_known_field};
use super::metadata::{MAX_ENTITY_ID, is_metadata};
use super::{Dialect, Family, JsonType, KnownType, Level, Picks, Violation};
use std::borrow::Cow;
use std::slice;

const EXPECTED: &str = "a non-empty string of at most 256 bytes without control characters, or an integer";

/// In order of preference.
const fn candidates(family: Family) -> &'static [&'static str] {
    match family {
        Family::Call => &["/data/call_sid", "/data/call_id", "/data/id"],
        Family::Sms | Family::Whatsapp => &["/data/message_id", "/data/id"],
        Family::Contact => &["/data/contact_id", "/data/id"],
        Family::Appointment => &["/data/id"],
    }
}

/// Returns the JSON pointers of a type's possible entity ids; the first that is not missing, null or `""` counts.
pub fn identity_pointers(event_type: KnownType, dialect: Dialect) -> &'static [&'static str] {
    match event_type.documented_fields() {
        Some([identity, ..]) if dialect == Dialect::Documented => slice::from_ref(&identity.pointer),
        _ => candidates(event_type.family()),
    }
}

enum Reading<'a> {
    /// `""` or null.
    Absent,
    Id(Cow<'a, str>),
    /// Wrong type.
    Unusable,
}

/// Accepts a nonempty string, or an integer, which gives the same text as its decimal string.
pub(super) fn of_value(value: Value<'_>) -> Option<Cow<'_, str>> {
    match read(value) {
        Reading::Id(id) => Some(id),
        Reading::Absent | Reading::Unusable => None,
    }
}

/// Fails at the first candidate if none has a value, or where the deciding candidate is repeated or unusable.
pub(super) fn of_data<'a>(
    data: &'a str,
    family: Family,
    picks: &mut Picks<'_, 'a>,
) -> Result<Cow<'a, str>, Violation> {
    let pointers = candidates(family);
    let mut values: [Option<Value<'_>>; 3] = [None; 3];
    let mut repeated = [false; 3];
    each_known_field(data, |name, value| {
        picks.see(Level::Data, name, value);
        if let Some(at) = pointers.iter().position(|pointer| pointer.strip_prefix("/data/") == Some(name)) {
            repeated[at] |= values[at].replace(value).is_some();
        }
    });
    for ((pointer, value), repeated) in pointers.iter().zip(values).zip(repeated) {
        let Some(value) = value else { continue };
        let violation =
            |expected| Violation { pointer: Cow::Borrowed(pointer), expected, found: value.json_type() };
        match read(value) {
            _ if repeated => return Err(violation("the field only once")),
            Reading::Absent => {}
            Reading::Id(id) => return Ok(id),
            Reading::Unusable => return Err(violation(EXPECTED)),
        }
    }
    let found = values[0].map_or(JsonType::Missing, Value::json_type);
    Err(Violation { pointer: Cow::Borrowed(pointers[0]), expected: EXPECTED, found })
}

fn read(value: Value<'_>) -> Reading<'_> {
    if value.json_type() == JsonType::Null {
        return Reading::Absent;
    }
    match value.as_string().or_else(|| value.as_integer().map(Cow::Borrowed)) {
        Some(id) if id.is_empty() => Reading::Absent,
        Some(id) if !is_metadata(&id, MAX_ENTITY_ID) => Reading::Unusable,
        Some(id) => Reading::Id(id),
        None => Reading::Unusable,
    }
}

#[cfg(test)]
mod tests;
