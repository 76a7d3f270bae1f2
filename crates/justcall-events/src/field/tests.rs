use super::*;

#[test]
fn e164_is_a_plus_and_seven_to_fifteen_digits_of_which_the_first_is_not_0() {
    for (text, expected) in [
        ("+14155550123", true),
        ("+1234567", true),
        ("+123456", false),
        ("+123456789012345", true),
        ("+1234567890123456", false),
        ("+04155550123", false),
        ("14155550123", false),
        ("+1 415 555 0123", false),
        ("+1415555012x", false),
        ("++14155550123", false),
        ("+١٢٣٤٥٦٧", false),
        ("", false),
    ] {
        assert_eq!(is_e164(text), expected, "{text}");
    }
}

#[test]
fn a_url_has_http_or_https_and_a_host() {
    for (text, expected) in [
        ("https://example.com/a.mp3?b=c#d", true),
        ("HTTP://example.com", true),
        ("https://user:word@example.com:8443/", true),
        ("http://[2001:db8::1]:80/", true),
        ("ftp://example.com/a", false),
        ("https:///a.mp3", false),
        ("https://:443/a", false),
        ("https://user@/a", false),
        ("https://?q", false),
        ("example.com/a.mp3", false),
        ("https://example.com/a b", false),
        ("https://example.com/a\n", false),
        ("", false),
    ] {
        assert_eq!(is_http_url(text), expected, "{text}");
    }
}

#[test]
fn a_time_is_rfc_3339_with_its_t_and_in_utc_only_without_an_offset() {
    for (text, time, utc) in [
        ("2026-03-12T14:30:00Z", true, true),
        ("2026-03-12t14:30:00.123456789012z", true, true),
        ("2026-03-12T14:30:00+00:00", true, true),
        ("2026-03-12T14:30:00-00:00", true, false),
        ("2026-03-12T14:30:00+05:30", true, false),
        ("2016-12-31T23:59:60Z", false, false),
        ("2016-12-31T23:59:60.5+00:00", false, false),
        ("0000-01-01T00:00:00Z", false, false),
        ("0001-01-01T00:00:00Z", true, true),
        ("0001-01-01T00:00:00+05:30", false, false),
        ("0001-01-01T05:30:00+05:30", true, false),
        ("9999-12-31T23:59:59Z", true, true),
        ("9999-12-31T23:59:59-01:00", false, false),
        ("2024-02-29T00:00:00Z", true, true),
        ("2026-02-29T00:00:00Z", false, false),
        ("2026-03-12T24:00:00Z", false, false),
        ("2026-03-12T14:30:00", false, false),
        ("2026-03-12T14:30Z", false, false),
        ("2026-03-12 14:30:00Z", false, false),
        ("2026-03-12T14:30:00\u{2212}05:00", false, false),
        ("2026-03-12T14:30:00+0530", false, false),
        ("2026-03-12T14:30:00+24:00", false, false),
        (" 2026-03-12T14:30:00Z", false, false),
        ("2026-03-12T14:30:00Z\n", false, false),
        ("+12026-03-12T14:30:00Z", false, false),
        ("1773325800", false, false),
        ("", false, false),
    ] {
        assert_eq!((is_time(text), is_utc_time(text)), (time, utc), "{text}");
    }
    assert!(!is_time(&format!("2026-03-12T14:30:00.{}Z", "1".repeat(600_000))), "it becomes a header");
}
