use super::*;

#[test]
fn lines_are_due_one_after_the_other() {
    let began = Instant::now();
    let mut pace = RateLimiter::new(Some(10.0), began);
    assert_eq!(pace.wait(began), Duration::ZERO);
    pace.take();
    assert_eq!(pace.wait(began), Duration::from_millis(100));
    assert_eq!(pace.wait(began + Duration::from_millis(100)), Duration::ZERO);
    pace.take();
    assert_eq!(pace.wait(began + Duration::from_millis(100)), Duration::from_millis(100));
}

#[test]
fn an_outage_is_not_made_up_for_by_a_burst() {
    let began = Instant::now();
    let mut pace = RateLimiter::new(Some(10.0), began);
    let later = began + Duration::from_secs(60);
    assert_eq!(pace.wait(later), Duration::ZERO);
    pace.take();
    assert_eq!(pace.wait(later), Duration::from_millis(100));
}

#[test]
fn without_a_rate_every_line_is_due() {
    let now = Instant::now();
    let mut pace = RateLimiter::new(None, now);
    (0..1000).for_each(|_| pace.take());
    assert_eq!(pace.wait(now), Duration::ZERO);
}

#[test]
fn rate_is_lines_per_second() {
    assert_eq!(parse("500/s"), Ok(500.0));
    assert_eq!(parse("0.5"), Ok(0.5));
    for wrong in ["0", "-1", "fast", "", "NaN", "2000000"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}
