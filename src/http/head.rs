//! Where a request's head ends, and what it says of its body: looked at before actix does.

/// Finds empty lines, also where they come in pieces.
#[derive(Debug, Default)]
pub(super) struct BlankLine {
    /// Nothing, or only a carriage return, came since the last line feed.
    empty: bool,
}

impl BlankLine {
    /// How many bytes go up to the first one's end, if there is one.
    pub(super) fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'\n' if self.empty => {
                    self.empty = false;
                    return Some(at + 1);
                }
                b'\n' => self.empty = true,
                b'\r' => {}
                _ => self.empty = false,
            }
        }
        None
    }
}

/// The lengths of head and body of the request that `bytes` begin with: of a head that is there as a
/// whole, written in the usual way, and followed by a body whose length it declares. `None` says only
/// that it takes a closer look.
pub(super) fn body_length(bytes: &[u8]) -> Option<(usize, u64)> {
    let mut declared = None;
    let mut at = 0;
    loop {
        let line = bytes[at..].split(|byte| *byte == b'\n').next()?;
        let end = at + line.len();
        let line = (end < bytes.len()).then_some(line)?.strip_suffix(b"\r")?;
        at = end + 1;
        if line.is_empty() {
            return Some((at, declared?));
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            return None;
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = digits(value.trim_ascii())?;
            if declared.replace(length).is_some() {
                return None;
            }
        }
    }
}

/// Up to eighteen digits, and nothing else.
fn digits(text: &[u8]) -> Option<u64> {
    let is_number = (1..=18).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    is_number.then(|| text.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests;
