//! Escaping of the signed URL by `encodeURIComponent` or its counterpart in other languages.

/// Both escape all bytes but letters, digits, `-_.~`, and differ in `! * ' ( )`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// `encodeURIComponent`: keeps `! * ' ( )`.
    JavaScript,
    /// `quote(url, safe="")`, RFC 3986: escapes `! * ' ( )`.
    Python,
}

const ESCAPED_BY_ONE: [char; 5] = ['!', '*', '\'', '(', ')'];

impl Encoding {
    pub(super) fn of(url: &str) -> &'static [Self] {
        if url.contains(ESCAPED_BY_ONE) { &[Self::JavaScript, Self::Python] } else { &[Self::JavaScript] }
    }

    /// Passes the escaped URL in pieces, without allocation.
    pub(super) fn feed(self, url: &str, mut take: impl FnMut(&[u8])) {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        let mut rest = url.as_bytes();
        while let Some(at) = rest.iter().position(|byte| !self.keeps(*byte)) {
            let (kept, from) = rest.split_at(at);
            let byte = usize::from(from[0]);
            take(kept);
            take(&[b'%', DIGITS[byte >> 4], DIGITS[byte & 15]]);
            rest = &from[1..];
        }
        take(rest);
    }

    fn keeps(self, byte: u8) -> bool {
        byte.is_ascii_alphanumeric()
            || b"-_.~".contains(&byte)
            || (self == Self::JavaScript && ESCAPED_BY_ONE.contains(&char::from(byte)))
    }
}
