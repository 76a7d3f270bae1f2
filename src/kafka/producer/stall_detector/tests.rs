use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

/// Checks once a second. Returns the second of the stall.
fn found(silence: &mut StallDetector, from: Instant, answers: impl Fn(u64) -> bool) -> Option<u64> {
    (0..200).find(|second| {
        let now = from + Duration::from_secs(*second);
        silence.is_probe_due(now, Some(3), 4) && silence.is_stalled(now, answers(*second))
    })
}

#[test]
fn client_is_stalled_after_brokers_have_answered_for_the_timeout() {
    let mut silence = StallDetector::new(PATIENCE);
    assert_eq!(found(&mut silence, Instant::now(), |_| true), Some(1 + 10 + 30));
}

#[test]
fn client_is_not_stalled_while_brokers_do_not_answer() {
    let mut silence = StallDetector::new(PATIENCE);
    assert_eq!(found(&mut silence, Instant::now(), |_| false), None);
    let mut silence = StallDetector::new(PATIENCE);
    // After a freeze of a minute, the time counts from the first answer.
    let frozen = |second: u64| second >= 60;
    assert!(found(&mut silence, Instant::now(), frozen).is_some_and(|second| (90..=96).contains(&second)));
}

#[test]
fn report_of_the_oldest_or_an_empty_queue_resets_the_stall() {
    for oldest in [Some(4), None] {
        let mut silence = StallDetector::new(PATIENCE);
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        assert!(!silence.is_probe_due(at(0), Some(3), 4));
        assert!(!silence.is_probe_due(at(1), Some(3), 4));
        assert!(silence.is_probe_due(at(11), Some(3), 4));
        assert!(!silence.is_stalled(at(11), true));
        assert!(!silence.is_probe_due(at(39), oldest, 5));
        let again = found(&mut silence, at(40), |_| true);
        assert!(again.is_some_and(|second| second >= 40), "{again:?}");
    }
}

#[test]
fn brokers_are_checked_at_intervals() {
    let mut silence = StallDetector::new(PATIENCE);
    let start = Instant::now();
    let asked = (0..1000)
        .filter(|tenth| silence.is_probe_due(start + Duration::from_millis(100 * tenth), Some(1), 2));
    assert_eq!(asked.count(), 1 + 17);
}

#[test]
fn record_is_outdated_after_an_hour_without_a_report() {
    let mut silence = StallDetector::new(PATIENCE);
    let start = Instant::now();
    silence.is_probe_due(start, Some(3), 4);
    assert!(!silence.is_outdated(start + MAX_RECORD_AGE - Duration::from_secs(1)));
    assert!(silence.is_outdated(start + MAX_RECORD_AGE));
    silence.is_probe_due(start + MAX_RECORD_AGE - Duration::from_secs(1), Some(3), 4);
    silence.is_probe_due(start + MAX_RECORD_AGE, Some(4), 5);
    assert!(!silence.is_outdated(start + MAX_RECORD_AGE));
    silence.is_probe_due(start + MAX_RECORD_AGE, None, 5);
    assert!(!silence.is_outdated(start + 3 * MAX_RECORD_AGE));
}

#[test]
fn age_of_the_oldest_record_counts_from_its_own_hand_over() {
    let mut silence = StallDetector::new(PATIENCE);
    let start = Instant::now();
    let at = |minutes: u64| start + Duration::from_secs(60 * minutes);
    // Records 0 and 1 are sent now, record 2 half an hour later.
    silence.is_probe_due(at(0), None, 0);
    for minute in 1..=58 {
        silence.is_probe_due(at(minute), Some(0), if minute <= 30 { 2 } else { 3 });
    }
    // Record 0 is reported.
    silence.is_probe_due(at(59), Some(1), 3);
    assert!(!silence.is_outdated(at(59)));
    assert!(silence.is_outdated(at(60)));
    // Record 1 is reported.
    silence.is_probe_due(at(60), Some(2), 3);
    assert!(!silence.is_outdated(at(89)));
    assert!(silence.is_outdated(at(91)));
    assert!(silence.marks.len() <= 62, "{}", silence.marks.len());
}
