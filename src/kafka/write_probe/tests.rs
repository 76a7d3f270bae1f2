use super::*;
use RDKafkaErrorCode as Code;

#[test]
fn refusal_of_the_flaw_means_the_user_may_write() {
    for code in [Code::InvalidTimestamp, Code::MessageSizeTooLarge, Code::InvalidRecord] {
        assert_eq!(outcome_of(Some(Err(code))), ProbeOutcome::Allowed);
    }
    assert_eq!(outcome_of(Some(Err(Code::TopicAuthorizationFailed))), ProbeOutcome::Forbidden);
    assert_eq!(outcome_of(Some(Ok(()))), ProbeOutcome::Written);
    assert!(matches!(outcome_of(None), ProbeOutcome::Unclear(_)));
    assert!(matches!(outcome_of(Some(Err(Code::NotEnoughReplicas))), ProbeOutcome::Unclear(_)));
}

/// Simulates the reports of a batch whose broker is `skew` seconds behind the local clock.
fn measured(skewed: i64, took: u64) -> ClockSkew {
    let offsets: Vec<i64> = (-60..=60).step_by(10).collect();
    let refused: Vec<bool> = offsets.iter().map(|offset| *offset + skewed > 0).collect();
    skew(&offsets, &refused, Duration::from_secs(took))
}

#[test]
fn clock_is_between_the_last_accepted_and_the_first_refused_time() {
    assert_eq!(measured(5, 0), ClockSkew { least: Some(0), most: Some(10) });
    assert_eq!(measured(-35, 0), ClockSkew { least: Some(-40), most: Some(-30) });
    assert_eq!(measured(35, 3), ClockSkew { least: Some(30), most: Some(43) }, "what it took may be skew");
}

#[test]
fn clock_outside_the_tested_range_has_one_bound() {
    assert_eq!(measured(1_000, 0), ClockSkew { least: Some(60), most: None });
    assert_eq!(measured(-1_000, 0), ClockSkew { least: None, most: Some(-60) });
}

#[test]
fn only_a_broker_that_names_records_reveals_its_clock() {
    assert_eq!(is_refused(Some(Err(Code::InvalidRecord))), Some(true));
    assert_eq!(is_refused(Some(Err(Code::InvalidDifferentRecord))), Some(false));
    assert_eq!(is_refused(Some(Err(Code::InvalidTimestamp))), None);
    assert_eq!(is_refused(Some(Ok(()))), None);
    assert_eq!(is_refused(None), None);
}

#[test]
fn noise_has_its_length_and_does_not_repeat() {
    let incompressible = incompressible(1_001);
    assert_eq!(incompressible.len(), 1_001);
    assert!(incompressible.chunks(8).zip(incompressible[8..].chunks(8)).all(|(one, next)| one != next));
}

#[test]
fn batch_without_a_clock_returns_its_outcome() {
    let refused = Some(Err(Code::InvalidRecord));
    assert_eq!(failed_clock(&[refused, Some(Ok(())), None]), ProbeOutcome::Written);
    assert_eq!(failed_clock(&[Some(Err(Code::TopicAuthorizationFailed)); 3]), ProbeOutcome::Forbidden);
    assert!(matches!(failed_clock(&[refused, None]), ProbeOutcome::Unclear(why) if why == "no answer"));
    // Older brokers do not name records.
    assert!(matches!(failed_clock(&[Some(Err(Code::InvalidTimestamp)); 3]), ProbeOutcome::Unclear(_)));
}
