use sha2::{Digest, Sha256};
use std::fmt;

/// SHA-256 of a body, equal for every delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BodyHash([u8; 32]);

impl BodyHash {
    /// Hashes a body as received.
    pub fn of(body: &[u8]) -> Self {
        Self(Sha256::digest(body).into())
    }

    /// Returns the first 128 bits.
    pub fn prefix(&self) -> [u8; 16] {
        let mut prefix = [0; 16];
        prefix.copy_from_slice(&self.0[..16]);
        prefix
    }
}

/// `ce_id` header, equal for every delivery of an event.
///
/// A live `request_id` that is a ULID, otherwise the first 128 bits of the body's SHA-256 in lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventId {
    text: [u8; 32],
    len: u8,
}

impl EventId {
    /// Returns the id of a body without a ULID.
    pub fn from_hash(hash: &BodyHash) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 32];
        for (pair, byte) in text.chunks_exact_mut(2).zip(hash.prefix()) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        Self { text, len: 32 }
    }

    /// Returns the id by a ULID: 26 characters of Crockford's base 32, at most 128 bits.
    pub fn from_request_id(request_id: &str) -> Option<Self> {
        ulid_millis(request_id)?;
        let mut text = [0; 32];
        text[..26].copy_from_slice(request_id.as_bytes());
        Some(Self { text, len: 26 })
    }

    /// Returns 26 or 32 ASCII characters.
    pub fn as_str(&self) -> &str {
        // Always ASCII.
        std::str::from_utf8(&self.text[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventId({})", self.as_str())
    }
}

/// Milliseconds since 1970.
pub(crate) fn ulid_millis(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    // 26 characters hold 130 bits, so the first may not exceed 7.
    if bytes.len() != 26
        || !(b'0'..=b'7').contains(&bytes[0])
        || !bytes.iter().all(|byte| base32(*byte).is_some())
    {
        return None;
    }
    bytes[..10].iter().try_fold(0, |millis, byte| Some(millis << 5 | u64::from(base32(*byte)?)))
}

/// Crockford's base 32, in either case.
fn base32(byte: u8) -> Option<u8> {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let upper = byte.to_ascii_uppercase();
    DIGITS.iter().position(|digit| *digit == upper).and_then(|at| u8::try_from(at).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ULID: &str = "01HSHG7J8QF5T0Y3Z6K9M2N4PR";

    #[test]
    fn a_hash_becomes_its_first_128_bits_in_lower_case_hex() {
        let id = EventId::from_hash(&BodyHash::of(b""));
        assert_eq!(id.as_str(), "e3b0c44298fc1c149afbf4c8996fb924");
    }

    #[test]
    fn another_body_has_another_id() {
        let id = |body: &[u8]| EventId::from_hash(&BodyHash::of(body));
        assert_eq!(id(b"{}"), id(b"{}"));
        assert_ne!(id(b"{}"), id(b"{} "));
    }

    #[test]
    fn ulid_keeps_its_case() {
        assert_eq!(EventId::from_request_id(ULID).unwrap().as_str(), ULID);
        let lower = ULID.to_ascii_lowercase();
        assert_eq!(EventId::from_request_id(&lower).unwrap().as_str(), lower);
    }

    #[test]
    fn invalid_ulid_gives_no_id() {
        for text in [
            "",
            "01HSHG7J8QF5T0Y3Z6K9M2N4P",
            "01HSHG7J8QF5T0Y3Z6K9M2N4PRR",
            "81HSHG7J8QF5T0Y3Z6K9M2N4PR",
            "01HSHG7J8QF5T0Y3Z6K9M2N4PI",
            "01HSHG7J8QF5T0Y3Z6K9M2N4PL",
            "01HSHG7J8QF5T0Y3Z6K9M2N4PO",
            "01HSHG7J8QF5T0Y3Z6K9M2N4PU",
            "01HSHG7J8QF5T0Y3Z6K9M2N4P\n",
            "01HSHG7J8QF5T0Y3Z6K9M2N4é",
        ] {
            assert_eq!(EventId::from_request_id(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_first_ten_characters_of_a_ulid_are_milliseconds() {
        assert_eq!(ulid_millis("00000000010000000000000000"), Some(1));
        assert_eq!(ulid_millis("01ARZ3NDEKTSV4RRFFQ69G5FAV"), Some(1_469_922_850_259));
        assert_eq!(ulid_millis("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"), Some((1 << 48) - 1));
    }
}
