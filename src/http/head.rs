//! The end of a request's head, its body's length, and its wish to upgrade, read before actix reads it.

/// Finds the empty line that ends a head, also in a head that comes in pieces.
///
/// Empty lines before the request line are ignored (RFC 9112, 2.2).
#[derive(Debug, Default)]
pub(super) struct BlankLine {
    has_begun: bool,
    /// Nothing, or only a carriage return, came since the last line feed.
    empty: bool,
}

impl BlankLine {
    /// Returns the number of bytes up to the end of the head, if that is in `bytes`.
    pub(super) fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'\n' if self.empty => {
                    *self = Self::default();
                    return Some(at + 1);
                }
                b'\n' => self.empty = self.has_begun,
                b'\r' => {}
                _ => (self.has_begun, self.empty) = (true, false),
            }
        }
        None
    }

    /// Returns true within a head: its request line has begun, and its end was not found.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }
}

/// Hides requests for another protocol from actix, in place and also where a head comes in pieces.
///
/// RFC 9110, 7.8 allows a server to ignore `Upgrade`. actix does not: with `Upgrade: websocket` it
/// ignores `Content-Length`, and it repeats `Connection: upgrade` in the answer and closes.
#[derive(Debug, Default)]
pub(super) struct UpgradeMask {
    name: [u8; MASKED_NAME],
    /// Bytes of `name` in use; more than `MASKED_NAME`: the name is longer.
    length: usize,
    place: Place,
}

/// Length of the longest name that is masked, `connection`.
const MASKED_NAME: usize = 10;

/// Position in a header line.
#[derive(Debug, Default, Clone, Copy)]
enum Place {
    #[default]
    Name,
    UpgradeValue,
    /// In the list of `Connection`, before an option's first byte.
    ConnectionOption,
    Rest,
}

impl UpgradeMask {
    /// Overwrites the protocols of `Upgrade`, and the first letter of `upgrade` in `Connection`.
    pub(super) fn apply(&mut self, head: &mut [u8]) {
        for byte in head {
            self.place = match (self.place, *byte) {
                (_, b'\n') => {
                    self.length = 0;
                    Place::Name
                }
                (Place::Name, b':') => self.value(),
                (Place::Name, letter) => {
                    if let Some(free) = self.name.get_mut(self.length) {
                        *free = letter;
                    }
                    self.length = (self.length + 1).min(MASKED_NAME + 1);
                    Place::Name
                }
                (place, b' ' | b'\t' | b'\r') => place,
                (Place::UpgradeValue, _) => {
                    *byte = b'x';
                    Place::UpgradeValue
                }
                (Place::ConnectionOption | Place::Rest, b',') if self.is_named(b"connection") => {
                    Place::ConnectionOption
                }
                (Place::ConnectionOption, letter) => {
                    // No option that matters begins so.
                    if letter.eq_ignore_ascii_case(&b'u') {
                        *byte = b'x';
                    }
                    Place::Rest
                }
                (Place::Rest, _) => Place::Rest,
            };
        }
    }

    fn value(&self) -> Place {
        if self.is_named(b"upgrade") {
            Place::UpgradeValue
        } else if self.is_named(b"connection") {
            Place::ConnectionOption
        } else {
            Place::Rest
        }
    }

    fn is_named(&self, name: &[u8]) -> bool {
        self.name.get(..self.length).is_some_and(|read| read.eq_ignore_ascii_case(name))
    }
}

/// Returns the lengths of head and body of the request that `bytes` begin with.
///
/// Returns `None` unless the head is whole and of the one form that is accepted here: `POST`, HTTP/1.1,
/// plain names, one `Content-Length`, and nothing that changes the framing. Every other head is read
/// step by step, and its framing is what actix made of it.
pub(super) fn body_length(bytes: &[u8]) -> Option<(usize, u64)> {
    let mut declared = None;
    let (first, mut at) = line(bytes, 0)?;
    if !is_plain_post(first) {
        return None;
    }
    loop {
        let (line, next) = line(bytes, at)?;
        at = next;
        if line.is_empty() {
            return Some((at, declared?));
        }
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if !name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            return None;
        }
        let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
        if is(b"content-length") {
            let length = digits(value)?;
            if declared.replace(length).is_some() {
                return None;
            }
        } else if is(b"connection") {
            let is_usual = value.eq_ignore_ascii_case(b"keep-alive") || value.eq_ignore_ascii_case(b"close");
            is_usual.then_some(())?;
        } else if is(b"transfer-encoding") || is(b"upgrade") || is(b"expect") {
            return None;
        }
    }
}

/// The line at `at` without its CR LF, and the place behind it.
fn line(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let end = at + memchr::memchr(b'\n', &bytes[at..])?;
    Some((bytes[at..end].strip_suffix(b"\r")?, end + 1))
}

fn is_plain_post(line: &[u8]) -> bool {
    let target = line.strip_prefix(b"POST ").and_then(|rest| rest.strip_suffix(b" HTTP/1.1"));
    target.is_some_and(|target| target.starts_with(b"/") && target.iter().all(u8::is_ascii_graphic))
}

/// Up to eighteen digits, and nothing else.
fn digits(text: &[u8]) -> Option<u64> {
    let is_number = (1..=18).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    is_number.then(|| text.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests;
