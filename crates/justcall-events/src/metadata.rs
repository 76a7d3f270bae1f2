/// Longest entity id, in bytes: it is in every record, whose size Kafka limits.
pub(super) const MAX_ENTITY_ID: usize = 256;

/// In bytes.
pub(super) const MAX_TYPE: usize = 256;

/// In bytes. RFC 3339 does not limit the digits of a fraction.
pub(super) const MAX_TIME: usize = 64;

/// Accepts what a key or a header may hold: not empty, CloudEvents 1.0.2 section 2.2.
pub(super) fn is_metadata(text: &str, max_bytes: usize) -> bool {
    (1..=max_bytes).contains(&text.len()) && !text.contains(is_forbidden)
}

/// Returns whether a key or header must not hold a character: control characters and noncharacters
/// (CloudEvents 1.0.2, section 2.2).
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
