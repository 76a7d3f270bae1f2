//! Second visit of an object's fields, without parsing: a third of the work.

use super::Value;
use memchr::memchr2;

#[cfg(test)]
mod tests;

/// Visits the fields of an object, in document order. Skips names that are not Unicode text.
///
/// `object` must have been read as a JSON object before: nothing is checked here. For any other text the fields
/// are unspecified.
pub(crate) fn each_known_field<'a>(object: &'a str, mut visit: impl FnMut(&str, Value<'a>)) {
    let bytes = object.as_bytes();
    let mut at = 0;
    while let Some(begin) = next(bytes, at, |byte| byte == b'"') {
        let end = end_of_string(bytes, begin);
        let value_begin = next(bytes, end, |byte| !byte.is_ascii_whitespace() && byte != b':');
        let Some(value_begin) = value_begin else { return };
        let value_end = end_of_value(bytes, value_begin);
        let (Some(name), Some(value)) = (object.get(begin..end), object.get(value_begin..value_end)) else {
            return;
        };
        if let Some(name) = Value(name).as_string() {
            visit(&name, Value(value));
        }
        at = value_end;
    }
}

/// Returns the position of the next byte of a kind, from `at` on.
fn next(bytes: &[u8], at: usize, is: impl Fn(u8) -> bool) -> Option<usize> {
    bytes.get(at..)?.iter().position(|byte| is(*byte)).map(|offset| at + offset)
}

/// Returns the position after the string that begins at `at`.
fn end_of_string(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    // A long text is passed over in wide steps.
    while let Some(offset) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        let stop = at + offset;
        if bytes[stop] == b'"' {
            return stop + 1;
        }
        at = stop + 2;
    }
    bytes.len()
}

/// Returns the position after the value that begins at `at`. Brackets are counted, because they match.
fn end_of_value(bytes: &[u8], at: usize) -> usize {
    match bytes[at] {
        b'"' => end_of_string(bytes, at),
        b'{' | b'[' => end_of_brackets(bytes, at),
        _ => next(bytes, at, |byte| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace())
            .unwrap_or(bytes.len()),
    }
}

fn end_of_brackets(bytes: &[u8], at: usize) -> usize {
    let (mut at, mut open) = (at, 0_usize);
    while let Some(stop) = next(bytes, at, |byte| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']')) {
        at = stop + 1;
        match bytes[stop] {
            b'"' => at = end_of_string(bytes, stop),
            b'{' | b'[' => open += 1,
            _ if open <= 1 => return at,
            _ => open -= 1,
        }
    }
    bytes.len()
}
