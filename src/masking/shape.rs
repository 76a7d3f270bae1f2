use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};

/// Accepts letters, digits and a few signs without a phone number.
pub(super) fn is_id(text: &str) -> bool {
    let has_form = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
    (1..=64).contains(&text.len()) && text.bytes().all(has_form) && !holds_phone_number(text)
}

pub(super) fn is_word(text: &str) -> bool {
    let has_form = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-');
    (1..=32).contains(&text.len()) && text.bytes().all(has_form)
}

pub(super) fn is_type(text: &str) -> bool {
    let has_form =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'.');
    (1..=64).contains(&text.len()) && text.bytes().all(has_form) && !holds_phone_number(text)
}

pub(super) fn is_time(text: &str) -> bool {
    // Rejects years of five digits, and formats that chrono accepts too generously.
    let is_dated = text.as_bytes().get(4) == Some(&b'-');
    let is_plain = text.len() <= 35 && text.is_ascii() && !text.contains("  ");
    let dated = DateTime::parse_from_rfc3339(text).is_ok()
        || NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").is_ok()
        || NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok();
    is_plain && (is_dated && dated || NaiveTime::parse_from_str(text, "%H:%M:%S").is_ok())
}

/// Accepts a partition and an offset.
pub(super) fn is_place(text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('-').is_some_and(|(partition, offset)| is_number(partition) && is_number(offset))
}

/// Accepts short text without control characters, addresses and phone numbers.
pub(super) fn is_plain(text: &str) -> bool {
    text.len() <= 512
        && !text.chars().any(char::is_control)
        && !text.contains('@')
        && !holds_phone_number(text)
}

pub(super) fn digits(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

/// Finds seven digits after a `+` or with signs between them, or nine digits alone. Digits next to letters
/// belong to an id.
fn holds_phone_number(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '(' | ')' | '.' | ' ' | '/');
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    let mut rest = text;
    let mut before = None;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit() || c == '+') {
        before = rest[..at].chars().next_back().or(before);
        let run = &rest[at..];
        let end = run.find(|c| !is_part(c)).unwrap_or(run.len());
        let (run, behind) = run.split_at(end);
        let of_letters = is_letter(before) || is_letter(behind.chars().next());
        let is_bare = run.bytes().all(|byte| byte.is_ascii_digit());
        if !of_letters && digits(run) >= if is_bare { 9 } else { 7 } {
            return true;
        }
        before = run.chars().next_back();
        rest = behind;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phone_numbers_are_not_ids_in_any_format() {
        for phone in [
            "+14155550123",
            "14155550123",
            "415555012",
            "415-555-0123",
            "415.555.0123",
            "call_14155550123",
            "14155550123:home",
            "+4930123456",
        ] {
            assert!(!is_id(phone), "{phone}");
        }
    }

    #[test]
    fn ids_are_accepted() {
        for id in [
            "call_8f3a2b1c",
            "CA1234567890abcdef1234567890abcdef",
            "01HZY3QK8M4T2V6W9X0A1B2C3D",
            "98765432",
            "msg_a1b2c3d4",
            "0af7651916cd43dd8448eb211c80319c",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert!(is_id(id), "{id}");
        }
    }

    #[test]
    fn other_values_are_not_ids() {
        for text in
            ["", "jordan@example.com", "Jordan Lee", "naïve", &"x".repeat(65), "https://x.example/rec"]
        {
            assert!(!is_id(text), "{text}");
        }
    }

    #[test]
    fn other_values_are_not_times() {
        for time in [
            "2026-03-12T14:30:00Z",
            "2026-03-12T14:30:00.123+02:00",
            "2026-03-12 14:30:00",
            "2026-03-12",
            "9:05:00",
        ] {
            assert!(is_time(time), "{time}");
        }
        for text in
            ["+1 415 555 0123", "14155-01-01", "tomorrow", "", "2026-03-12T14:30:00Z Jordan", "4155550123"]
        {
            assert!(!is_time(text), "{text}");
        }
    }

    #[test]
    fn word_has_no_spaces_and_digits() {
        assert!(is_word("in-progress") && is_word("Incoming"));
        assert!(!is_word("Jordan Lee") && !is_word("a1") && !is_word(""));
    }

    #[test]
    fn detail_with_phone_number_or_address_is_not_plain() {
        assert!(is_plain("/data/from: expected a string, found an integer"));
        assert!(!is_plain("for +14155550123") && !is_plain("for a@b.example"));
    }
}
