use chrono::{DateTime, NaiveDateTime, Utc};

/// Reads `2024-03-21 17:08:22` (UTC) or `1711040902` (seconds since 1970), as in [`TIMESTAMP`](super::TIMESTAMP).
pub fn parse_time(header: &str) -> Option<DateTime<Utc>> {
    const FORM: &[u8; 19] = b"dddd-dd-dd dd:dd:dd";
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if header.len() == 10 && is_digits(header) {
        return DateTime::from_timestamp(header.parse().ok()?, 0);
    }
    let matches = |(form, byte): (&u8, u8)| if *form == b'd' { byte.is_ascii_digit() } else { *form == byte };
    // chrono would also take `2024-3-21` and extra spaces.
    if header.len() != FORM.len() || !FORM.iter().zip(header.bytes()).all(matches) {
        return None;
    }
    NaiveDateTime::parse_from_str(header, "%Y-%m-%d %H:%M:%S").ok().map(|time| time.and_utc())
}
