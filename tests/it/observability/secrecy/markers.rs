//! Texts begin with the same mark and numbers with the same digits, so that one search finds all.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use std::sync::atomic::{AtomicU64, Ordering};

/// JSON, URLs and headers do not escape these characters.
const MARK: &str = "qz9vx7kw3jp";
const DIGITS: &str = "91374608";

pub(crate) fn marker(what: &str) -> String {
    format!("{MARK}{what}{}", next())
}

pub(crate) fn number() -> String {
    format!("{DIGITS}{}", 10_000 + next())
}

pub(crate) fn phone() -> String {
    format!("+{}", number())
}

fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

pub(crate) fn contains_marker(bytes: &[u8]) -> bool {
    !leaks(&String::from_utf8_lossy(bytes), &[]).is_empty()
}

/// Also finds percent-encoded, JSON-escaped, Base64 and hex text, and lists of bytes.
pub(crate) fn leaks(text: &str, others: &[&str]) -> Vec<String> {
    let folded = text.to_ascii_lowercase();
    let mut found = Vec::new();
    for mark in [MARK, DIGITS].iter().chain(others) {
        let all = mark.len();
        for (writing, wanted) in encodings(mark) {
            collect(&mut found, &folded, &wanted.to_ascii_lowercase(), writing);
        }
        for skipped in 0..3 {
            // Some bytes share a group with the text before.
            let whole = skipped + (all - skipped) / 3 * 3;
            let bytes = &mark.as_bytes()[skipped..whole];
            for wanted in [BASE64_STANDARD.encode(bytes), BASE64_URL_SAFE.encode(bytes)] {
                collect(&mut found, text, &wanted, "Base64");
            }
        }
    }
    found
}

fn encodings(mark: &str) -> [(&'static str, String); 6] {
    let each = |write: fn(u8) -> String| mark.bytes().map(write).collect::<Vec<_>>();
    [
        ("plain", mark.to_owned()),
        ("percent-encoded", each(|byte| format!("%{byte:02x}")).concat()),
        ("JSON's escapes", each(|byte| format!("\\u{byte:04x}")).concat()),
        ("hex", each(|byte| format!("{byte:02x}")).concat()),
        ("hex with spaces", each(|byte| format!("{byte:02x}")).join(" ")),
        ("a list of bytes", each(|byte| byte.to_string()).join(", ")),
    ]
}

fn collect(found: &mut Vec<String>, text: &str, wanted: &str, writing: &str) {
    for (at, _) in text.match_indices(wanted).take(50) {
        let around = |at: usize, by: isize| {
            let mut at = at.saturating_add_signed(by).min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let excerpt = &text[around(at, -120)..around(at + wanted.len(), 80)];
        found.push(format!("in {writing}: …{excerpt}…"));
    }
}

#[test]
fn marker_is_found_in_every_encoding() {
    let (name, number) = (marker("name"), number());
    let bytes = format!("before {name} behind {number}");
    let bytes = bytes.as_bytes();
    let listed = format!("{bytes:?}");
    let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    let percent: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
    let escaped: String = bytes.iter().map(|byte| format!("\\u{byte:04x}")).collect();
    for text in [format!("{:?}", String::from_utf8_lossy(bytes)), listed, hex, percent, escaped] {
        assert_eq!(leaks(&text, &[]).len(), 2, "{text}");
    }
    for padding in ["", "x", "xx"] {
        let padded = [padding.as_bytes(), bytes].concat();
        assert!(leaks(&BASE64_STANDARD.encode(&padded), &[]).len() >= 2, "{padding}");
    }
    assert_eq!(leaks("nothing to see", &["to see"]).len(), 1);
    assert!(leaks("nothing to see at 2026-03-12T14:30:00Z", &[]).is_empty());
}
