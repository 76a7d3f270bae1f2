//! Scanner of request heads before actix: end of the head, length of the body, and `Upgrade`.

/// Finds the empty line that ends a head, also in pieces. Ignores empty lines before the request line (RFC
/// 9112, 2.2).
#[derive(Debug, Default)]
pub(super) struct BlankLine {
    has_begun: bool,
    /// The bytes since the last line feed are empty, or one carriage return.
    is_line_empty: bool,
}

impl BlankLine {
    pub(super) fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'\n' if self.is_line_empty => {
                    *self = Self::default();
                    return Some(at + 1);
                }
                b'\n' => self.is_line_empty = self.has_begun,
                b'\r' => {}
                _ => (self.has_begun, self.is_line_empty) = (true, false),
            }
        }
        None
    }

    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }
}

/// Hides `Upgrade` from actix, in place (RFC 9110, 7.8). With `Upgrade: websocket`, actix ignores
/// `Content-Length`, repeats `Connection: upgrade` and closes.
#[derive(Debug, Default)]
pub(super) struct UpgradeMask {
    name: [u8; MASKED_NAME],
    /// Above `MASKED_NAME`, the name is longer.
    length: usize,
    position: LinePosition,
}

/// Length of `connection`.
const MASKED_NAME: usize = 10;

#[derive(Debug, Default, Clone, Copy)]
enum LinePosition {
    #[default]
    Name,
    UpgradeValue,
    /// Before the first byte of an option of `Connection`.
    ConnectionOption,
    Rest,
}

impl UpgradeMask {
    /// Overwrites the protocols of `Upgrade`, and the first letter of `upgrade` in `Connection`.
    pub(super) fn apply(&mut self, head: &mut [u8]) {
        for byte in head {
            self.position = match (self.position, *byte) {
                (_, b'\n') => {
                    self.length = 0;
                    LinePosition::Name
                }
                (LinePosition::Name, b':') => self.value_position(),
                (LinePosition::Name, letter) => {
                    if let Some(free) = self.name.get_mut(self.length) {
                        *free = letter;
                    }
                    self.length = (self.length + 1).min(MASKED_NAME + 1);
                    LinePosition::Name
                }
                (position, b' ' | b'\t' | b'\r') => position,
                (LinePosition::UpgradeValue, _) => {
                    *byte = b'x';
                    LinePosition::UpgradeValue
                }
                (LinePosition::ConnectionOption | LinePosition::Rest, b',')
                    if self.is_named(b"connection") =>
                {
                    LinePosition::ConnectionOption
                }
                (LinePosition::ConnectionOption, letter) => {
                    // No other relevant option starts with this letter.
                    if letter.eq_ignore_ascii_case(&b'u') {
                        *byte = b'x';
                    }
                    LinePosition::Rest
                }
                (LinePosition::Rest, _) => LinePosition::Rest,
            };
        }
    }

    fn value_position(&self) -> LinePosition {
        if self.is_named(b"upgrade") {
            LinePosition::UpgradeValue
        } else if self.is_named(b"connection") {
            LinePosition::ConnectionOption
        } else {
            LinePosition::Rest
        }
    }

    fn is_named(&self, name: &[u8]) -> bool {
        self.name.get(..self.length).is_some_and(|read| read.eq_ignore_ascii_case(name))
    }
}

/// Returns the lengths of head and body. `None` unless the head is complete and of the common form: `POST`,
/// HTTP/1.1, plain names, one `Content-Length`, and nothing else that changes the framing. actix finds the
/// framing of all others.
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

fn line(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let end = at + memchr::memchr(b'\n', &bytes[at..])?;
    Some((bytes[at..end].strip_suffix(b"\r")?, end + 1))
}

fn is_plain_post(line: &[u8]) -> bool {
    let target = line.strip_prefix(b"POST ").and_then(|rest| rest.strip_suffix(b" HTTP/1.1"));
    target.is_some_and(|target| target.starts_with(b"/") && target.iter().all(u8::is_ascii_graphic))
}

fn digits(text: &[u8]) -> Option<u64> {
    let is_number = (1..=18).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    is_number.then(|| text.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(pieces: &[&str]) -> Vec<Option<usize>> {
        let mut line = BlankLine::default();
        pieces.iter().map(|piece| line.find(piece.as_bytes())).collect()
    }

    #[test]
    fn head_ends_with_its_empty_line() {
        assert_eq!(ends(&["GET / HTTP/1.1\r\na: b\r\n\r\nGET"]), [Some(24)]);
        assert_eq!(ends(&["GET / HTTP/1.1\na: b\n\nGET"]), [Some(21)]);
        assert_eq!(ends(&["GET / HTTP/1.1\r\na: b\r\n c\r\n"]), [None]);
    }

    #[test]
    fn empty_line_may_arrive_in_pieces() {
        assert_eq!(ends(&["a\r", "\n", "\r", "\nb"]), [None, None, None, Some(1)]);
        assert_eq!(ends(&["0\r\n", "\r\n"]), [None, Some(2)]);
        assert_eq!(ends(&["a\r\n", "b\r\n", "\r\n"]), [None, None, Some(2)]);
    }

    #[test]
    fn empty_lines_before_a_request_line_do_not_end_a_head() {
        assert_eq!(ends(&["\r\n\r\n\n", "\r\n", "GET / HTTP/1.1\r\n\r\n\r\n"]), [None, None, Some(18)]);
        let mut line = BlankLine::default();
        line.find(b"\r\n\r\n");
        assert!(!line.has_begun());
        line.find(b"G");
        assert!(line.has_begun());
    }

    #[test]
    fn body_length_is_read_from_a_complete_head() {
        let length = |text: &str| body_length(text.as_bytes());
        assert_eq!(length("POST / HTTP/1.1\r\nContent-length:  12 \r\na: b\r\n\r\n{}"), Some((47, 12)));
        assert_eq!(length("POST / HTTP/1.1\r\na: b\r\n\r\n{}"), None, "no length");
        assert_eq!(length("POST / HTTP/1.1\r\nContent-Length: 2\r\n\r"), None, "cut off");
        assert_eq!(length("POST / HTTP/1.1\r\nContent-Length: 2"), None, "cut off in a line");
        assert_eq!(length(""), None);
    }

    #[test]
    fn unusual_head_has_no_body_length() {
        let with = |lines: &str| body_length(format!("POST / HTTP/1.1\r\n{lines}\r\n\r\n{{}}").as_bytes());
        assert!(with("content-length: 2").is_some());
        for unusual in [
            "content-length: 2\r\ntransfer-encoding: chunked",
            "Transfer-Encoding: gzip\r\ncontent-length: 2",
            "content-length: 2\r\nContent-Length: 2",
            "content-length: 2, 2",
            "content-length: +2",
            "content-length: ",
            "content-length: 1234567890123456789",
            "content-length: 2\na: b",
        ] {
            assert_eq!(with(unusual), None, "{unusual}");
        }
        assert_eq!(
            body_length(b"\r\n\r\nPOST / HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}"),
            None,
            "empty lines first"
        );
    }
}
