//! Objects walked a second time, without reading them as JSON again: a third of the work.

use super::Value;
use memchr::memchr2;

#[cfg(test)]
mod tests;

/// Walks the fields of an object, in document order. A name that is no Unicode text is nobody's, so it is
/// passed over.
///
/// `object` was read as JSON before, and is one: nothing is checked here. Of anything else it makes as
/// little sense as that makes.
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

/// Where the next byte of a kind stands, from `at` on.
fn next(bytes: &[u8], at: usize, is: impl Fn(u8) -> bool) -> Option<usize> {
    bytes.get(at..)?.iter().position(|byte| is(*byte)).map(|offset| at + offset)
}

/// Behind the closing quote of the string that begins at `at`.
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

/// Behind the value that begins at `at`. Brackets are counted, not stacked: they match.
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
