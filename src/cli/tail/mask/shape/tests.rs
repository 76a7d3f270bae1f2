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
    for text in ["", "jordan@example.com", "Jordan Lee", "naïve", &"x".repeat(65), "https://x.example/rec"] {
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
