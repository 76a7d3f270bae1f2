use super::{Size, Time, parse_size, show_size};
use crate::config::form::Kind;
use config::Value;
use proptest::prelude::*;
use std::time::Duration;

#[test]
fn sizes_are_read_with_and_without_a_unit() {
    for (text, expected) in [
        ("960 KiB", Some(983_040)),
        ("960kib", Some(983_040)),
        ("1 MB", Some(1_000_000)),
        ("1MiB", Some(1_048_576)),
        ("2 GiB", Some(2_147_483_648)),
        ("3kB", Some(3000)),
        (" 17 ", Some(17)),
        ("17 B", Some(17)),
        ("", None),
        ("KiB", None),
        ("1.5 MiB", None),
        ("1 M", None),
        ("-1", None),
        ("99999999999999999999", None),
        ("99999999999999 GiB", None),
    ] {
        assert_eq!(parse_size(text), expected, "{text}");
    }
}

#[test]
fn limits_are_inside_the_range() {
    let value = |text: &str| Value::new(None, text);
    let read = |text| -> Result<usize, String> { Size(10..=20).read(&value(text)) };
    assert_eq!(read("10"), Ok(10));
    assert_eq!(read("20"), Ok(20));
    assert_eq!(read("21"), Err("must be from 10 to 20".into()));
    let second = Duration::from_secs(1);
    assert_eq!(Time(second..=second).read(&value("1000ms")), Ok(second));
    assert_eq!(Time(second..=second).read(&value("999ms")), Err("must be from 1s to 1s".into()));
}

proptest! {
    #[test]
    fn a_size_that_is_shown_reads_the_same(bytes in prop_oneof![any::<u32>(), (0u32..4000).prop_map(|n| n << 10)]) {
        let bytes = bytes as usize;
        prop_assert_eq!(parse_size(&show_size(&bytes)), Some(bytes));
    }
}
