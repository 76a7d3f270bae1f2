use super::*;

const ULID: &str = "01HSHG7J8QF5T0Y3Z6K9M2N4PR";

#[test]
fn a_hash_becomes_its_first_128_bits_in_lower_case_hex() {
    // SHA-256 of nothing, as everybody knows it.
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
fn a_ulid_is_kept_in_the_case_it_came_in() {
    assert_eq!(EventId::from_request_id(ULID).unwrap().as_str(), ULID);
    let lower = ULID.to_ascii_lowercase();
    assert_eq!(EventId::from_request_id(&lower).unwrap().as_str(), lower);
}

#[test]
fn what_is_no_ulid_gives_no_id() {
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
