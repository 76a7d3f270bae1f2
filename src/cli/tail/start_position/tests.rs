use super::*;

fn start(text: &str) -> Result<StartPosition, String> {
    let now = DateTime::from_timestamp_millis(1_000_000_000_000).unwrap();
    Ok(parse(text)?.start(now))
}

#[test]
fn start_position_is_a_word_a_time_or_a_duration() {
    assert_eq!(start("now"), Ok(StartPosition::Now));
    assert_eq!(start("beginning"), Ok(StartPosition::Beginning));
    assert_eq!(start("1970-01-01T01:00:01+01:00"), Ok(StartPosition::At(1000)));
    assert_eq!(start("15m"), Ok(StartPosition::At(1_000_000_000_000 - 15 * 60 * 1000)));
    assert_eq!(start("1h 30s"), Ok(StartPosition::At(1_000_000_000_000 - 3_630_000)));
}

#[test]
fn invalid_start_position_is_rejected_with_the_expected_forms() {
    for wrong in ["", "yesterday", "15", "-15m", "2026-03-12"] {
        assert!(start(wrong).is_err_and(|text| text.contains("15m")), "{wrong}");
    }
}
