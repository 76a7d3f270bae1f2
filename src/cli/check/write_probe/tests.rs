use super::super::finding::Level;
use super::*;

fn config(entries: &[(&str, &str)]) -> Config {
    entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn probe_has_a_flaw_that_the_topic_rejects() {
    const NOW: i64 = 1_800_000_000_000;
    let (create, append) =
        (("message.timestamp.type", "CreateTime"), ("message.timestamp.type", "LogAppendTime"));
    let (after, size) = (("message.timestamp.after.max.ms", "3600000"), ("max.message.bytes", "1000"));
    let boundless = ("message.timestamp.after.max.ms", "9223372036854775807");
    let at = |entries: &[(&str, &str)]| flaw(&config(entries), NOW);
    assert_eq!(at(&[create, after, size]), Some(RecordFlaw::Time(NOW + 3_600_000 + MAX_CLOCK_ERROR_MS)));
    assert_eq!(
        at(&[append, after, size]),
        Some(RecordFlaw::Size(1001)),
        "a time that is overwritten is not looked at"
    );
    assert_eq!(at(&[create, boundless, size]), Some(RecordFlaw::Size(1001)));
    assert_eq!(at(&[size]), Some(RecordFlaw::Size(1001)));
}

#[test]
fn topic_without_limits_is_not_probed() {
    assert_eq!(flaw(&config(&[]), 0), None, "limits that are not told may be none");
    assert_eq!(flaw(&config(&[("max.message.bytes", "104857600")]), 0), None, "too much to send for a look");
}

#[test]
fn only_a_missing_right_is_a_failure() {
    for (attempt, level) in [
        (ProbeOutcome::Allowed, Level::Ok),
        (ProbeOutcome::Forbidden, Level::Failure),
        (ProbeOutcome::Written, Level::Warning),
        (ProbeOutcome::Unclear("x".into()), Level::Warning),
    ] {
        assert_eq!(judge(attempt).level, level);
    }
}

#[test]
fn written_probe_is_reported() {
    let read = |attempt| clock(Some(("a".into(), Err(attempt))), Duration::from_secs(900));
    let written = read(ProbeOutcome::Written);
    assert_eq!(
        (written.level, written.key.as_str(), written.subject.as_deref()),
        (Level::Warning, KEY, Some("a"))
    );
    assert_eq!(read(ProbeOutcome::Unclear("x".into())).level, Level::Skipped);
    assert_eq!(clock(None, Duration::ZERO).level, Level::Skipped);
}
