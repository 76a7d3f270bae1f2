use super::*;

#[test]
fn first_failure_opens_and_an_acknowledgement_closes() {
    let (mut breaker, now) = (CircuitBreaker::default(), Instant::now());
    assert!(breaker.accepts(now, 0.0));
    assert!(breaker.failed(now, 0.0));
    assert!(!breaker.failed(now, 0.0), "opened twice");
    assert!(!breaker.accepts(now, 0.0));
    assert!(breaker.acknowledged());
    assert!(!breaker.acknowledged(), "closed twice");
    assert!(breaker.accepts(now, 0.0));
}

#[test]
fn one_try_for_each_pause_and_each_pause_is_longer_up_to_a_limit() {
    let (mut breaker, mut now) = (CircuitBreaker::default(), Instant::now());
    breaker.failed(now, 1.0);
    let mut pauses = Vec::new();
    for _ in 0..10 {
        let retry_at = breaker.retry_at().expect("open");
        pauses.push((retry_at - now).as_millis());
        now = retry_at;
        assert!(breaker.accepts(now, 1.0));
        assert!(!breaker.accepts(now, 1.0), "two tries in one pause");
    }
    assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000]);
}

#[test]
fn jitter_shortens_a_pause_to_half_at_most() {
    let (mut breaker, now) = (CircuitBreaker::default(), Instant::now());
    breaker.failed(now, 0.0);
    assert_eq!(breaker.retry_at().expect("open") - now, Duration::from_millis(50));
}

#[test]
fn late_failures_of_earlier_records_do_not_put_off_the_next_try() {
    let (mut breaker, now) = (CircuitBreaker::default(), Instant::now());
    breaker.failed(now, 1.0);
    let retry_at = breaker.retry_at();
    breaker.failed(now + Duration::from_millis(90), 1.0);
    assert_eq!(breaker.retry_at(), retry_at);
}
