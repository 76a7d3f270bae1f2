use super::*;
use RDKafkaErrorCode as Code;

#[test]
fn refusal_for_the_flaw_means_the_user_may_write() {
    for code in [Code::InvalidTimestamp, Code::MessageSizeTooLarge, Code::InvalidRecord] {
        assert_eq!(outcome_of(Some(Err(code))), ProbeOutcome::Allowed);
    }
    assert_eq!(outcome_of(Some(Err(Code::TopicAuthorizationFailed))), ProbeOutcome::Forbidden);
    assert_eq!(outcome_of(Some(Ok(()))), ProbeOutcome::Written);
    assert!(matches!(outcome_of(None), ProbeOutcome::Unclear(_)));
    assert!(matches!(outcome_of(Some(Err(Code::NotEnoughReplicas))), ProbeOutcome::Unclear(_)));
}

/// What the broker names of a batch, `skew` seconds behind the local clock.
fn measured(skewed: i64, took: u64) -> ClockSkew {
    let offsets: Vec<i64> = (-60..=60).step_by(10).collect();
    let refused: Vec<bool> = offsets.iter().map(|offset| *offset + skewed > 0).collect();
    skew(&offsets, &refused, Duration::from_secs(took))
}

#[test]
fn clock_is_between_the_last_time_taken_and_the_first_one_refused() {
    assert_eq!(measured(5, 0), ClockSkew { least: Some(0), most: Some(10) });
    assert_eq!(measured(-35, 0), ClockSkew { least: Some(-40), most: Some(-30) });
    assert_eq!(measured(35, 3), ClockSkew { least: Some(30), most: Some(43) }, "what it took may be skew");
}

#[test]
fn clock_beyond_what_was_tried_has_one_bound_only() {
    assert_eq!(measured(1_000, 0), ClockSkew { least: Some(60), most: None });
    assert_eq!(measured(-1_000, 0), ClockSkew { least: None, most: Some(-60) });
}

#[test]
fn only_a_broker_that_names_records_tells_its_clock() {
    assert_eq!(is_refused(Some(Err(Code::InvalidRecord))), Some(true));
    assert_eq!(is_refused(Some(Err(Code::InvalidDifferentRecord))), Some(false));
    assert_eq!(is_refused(Some(Err(Code::InvalidTimestamp))), None);
    assert_eq!(is_refused(Some(Ok(()))), None);
    assert_eq!(is_refused(None), None);
}

#[test]
fn noise_has_its_length_and_does_not_repeat() {
    let noise = noise(1_001);
    assert_eq!(noise.len(), 1_001);
    assert!(noise.chunks(8).zip(noise[8..].chunks(8)).all(|(one, next)| one != next));
}

#[test]
fn batch_that_tells_no_clock_tells_what_came_of_it() {
    let refused = Some(Err(Code::InvalidRecord));
    assert_eq!(failed_clock(&[refused, Some(Ok(())), None]), ProbeOutcome::Written);
    assert_eq!(failed_clock(&[Some(Err(Code::TopicAuthorizationFailed)); 3]), ProbeOutcome::Forbidden);
    assert!(matches!(failed_clock(&[refused, None]), ProbeOutcome::Unclear(why) if why == "no answer"));
    // A broker that is older than such answers.
    assert!(matches!(failed_clock(&[Some(Err(Code::InvalidTimestamp)); 3]), ProbeOutcome::Unclear(_)));
}
