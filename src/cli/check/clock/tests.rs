use super::super::finding::Level;
use super::*;

fn level(least: Option<i64>, most: Option<i64>) -> (Level, String) {
    let finding = judge(ClockSkew { least, most }, Duration::from_secs(900));
    (finding.level, finding.text)
}

#[test]
fn clock_passes_unless_the_skew_is_certain() {
    for (least, most) in
        [(Some(-1), Some(1)), (Some(5), Some(8)), (Some(-8), Some(-5)), (None, None), (Some(-20), Some(20))]
    {
        assert_eq!(level(least, most).0, Level::Ok, "{least:?} {most:?}");
    }
}

#[test]
fn small_skew_is_a_warning_and_skew_beyond_the_tolerance_a_failure() {
    assert_eq!(level(Some(7), Some(11)).0, Level::Warning);
    assert_eq!(level(Some(900), None).0, Level::Warning);
    assert_eq!(level(Some(901), None).0, Level::Failure);
    assert_eq!(level(None, Some(-901)).0, Level::Failure);
    assert!(level(Some(60), Some(90)).1.contains("60 s ahead of"));
    assert!(level(Some(-90), Some(-60)).1.contains("60 s behind"));
}

#[test]
fn clock_is_readable_on_topics_with_create_time_and_a_limit() {
    let config = |kind: &str, after: &str| {
        [("message.timestamp.type", kind), ("message.timestamp.after.max.ms", after)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    };
    assert_eq!(limit(&config("CreateTime", "3600000")), Some(3_600_000));
    assert_eq!(limit(&config("CreateTime", "9223372036854775807")), None);
    assert_eq!(limit(&config("LogAppendTime", "3600000")), None);
}
