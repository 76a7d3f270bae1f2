//! Limits of the texts of a body that become a record's key or headers.

/// Longest entity id, in bytes.
///
/// It becomes the key and a header of every record. A longer one could make a record larger than Kafka
/// accepts.
pub(super) const MAX_ENTITY_ID: usize = 256;

/// Longest name of an event type, in bytes.
pub(super) const MAX_TYPE: usize = 256;

/// Longest timestamp, in bytes. RFC 3339 sets no limit to the digits of a second's fraction.
pub(super) const MAX_TIME: usize = 64;

/// Returns whether a text may become a key or a header: not empty, at most `max_bytes`, and only characters
/// that a CloudEvents string may hold (CloudEvents 1.0.2, section 2.2).
pub(super) fn is_metadata(text: &str, max_bytes: usize) -> bool {
    (1..=max_bytes).contains(&text.len()) && !text.contains(is_forbidden)
}

/// Returns whether a character must not be in a key or a header: control characters and noncharacters
/// (CloudEvents 1.0.2, section 2.2). A Rust string holds no surrogates.
pub fn is_forbidden(character: char) -> bool {
    let code = u32::from(character);
    character.is_control() || (0xFDD0..=0xFDEF).contains(&code) || code & 0xFFFE == 0xFFFE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_noncharacters_are_not_metadata() {
        for text in
            ["a\r", "\n", "a\0b", "\u{1b}[2J", "\u{7f}", "\u{85}", "\u{9b}1m", "\u{fdd0}", "\u{1ffff}"]
        {
            assert!(!is_metadata(text, 64), "{text:?}");
        }
        for text in ["a", "é", "\u{202e}", "\u{2028}", "\u{10fffd}"] {
            assert!(is_metadata(text, 64), "{text:?}");
        }
    }

    #[test]
    fn metadata_has_a_minimum_and_a_maximum_length() {
        assert!(!is_metadata("", 3));
        assert!(is_metadata("abc", 3));
        assert!(!is_metadata("abcd", 3));
    }
}
