use super::*;
use RDKafkaErrorCode as Code;

#[test]
fn refusal_for_the_flaw_means_the_user_may_write() {
    for code in [Code::InvalidTimestamp, Code::MessageSizeTooLarge, Code::InvalidRecord] {
        assert_eq!(attempt(Some(Err(code))), Attempt::Allowed);
    }
    assert_eq!(attempt(Some(Err(Code::TopicAuthorizationFailed))), Attempt::Forbidden);
    assert_eq!(attempt(Some(Ok(()))), Attempt::Written);
    assert!(matches!(attempt(None), Attempt::Unclear(_)));
    assert!(matches!(attempt(Some(Err(Code::NotEnoughReplicas))), Attempt::Unclear(_)));
}

/// What the broker names of a batch, `skew` seconds behind the local clock.
fn measured(skewed: i64, took: u64) -> Skew {
    let grades: Vec<i64> = (-60..=60).step_by(10).collect();
    let refused: Vec<bool> = grades.iter().map(|grade| *grade + skewed > 0).collect();
    skew(&grades, &refused, Duration::from_secs(took))
}

#[test]
fn clock_is_between_the_last_time_taken_and_the_first_one_refused() {
    assert_eq!(measured(5, 0), Skew { least: Some(0), most: Some(10) });
    assert_eq!(measured(-35, 0), Skew { least: Some(-40), most: Some(-30) });
    assert_eq!(measured(35, 3), Skew { least: Some(30), most: Some(43) }, "what it took may be skew");
}

#[test]
fn clock_beyond_what_was_tried_has_one_bound_only() {
    assert_eq!(measured(1_000, 0), Skew { least: Some(60), most: None });
    assert_eq!(measured(-1_000, 0), Skew { least: None, most: Some(-60) });
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
    assert_eq!(instead(&[refused, Some(Ok(())), None]), Attempt::Written);
    assert_eq!(instead(&[Some(Err(Code::TopicAuthorizationFailed)); 3]), Attempt::Forbidden);
    assert!(matches!(instead(&[refused, None]), Attempt::Unclear(why) if why == "no answer"));
    // A broker that is older than such answers.
    assert!(matches!(instead(&[Some(Err(Code::InvalidTimestamp)); 3]), Attempt::Unclear(_)));
}
