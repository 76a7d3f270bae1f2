use super::*;

#[test]
fn lines_are_due_at_the_given_rate() {
    let began = Instant::now();
    let mut limiter = RateLimiter::new(Some(10.0), began);
    assert_eq!(limiter.wait(began), Duration::ZERO);
    limiter.take();
    assert_eq!(limiter.wait(began), Duration::from_millis(100));
    assert_eq!(limiter.wait(began + Duration::from_millis(100)), Duration::ZERO);
    limiter.take();
    assert_eq!(limiter.wait(began + Duration::from_millis(100)), Duration::from_millis(100));
}

#[test]
fn no_burst_follows_a_delay() {
    let began = Instant::now();
    let mut limiter = RateLimiter::new(Some(10.0), began);
    let later = began + Duration::from_secs(60);
    assert_eq!(limiter.wait(later), Duration::ZERO);
    limiter.take();
    assert_eq!(limiter.wait(later), Duration::from_millis(100));
}

#[test]
fn without_a_rate_every_line_is_due_at_once() {
    let now = Instant::now();
    let mut limiter = RateLimiter::new(None, now);
    (0..1000).for_each(|_| limiter.take());
    assert_eq!(limiter.wait(now), Duration::ZERO);
}

#[test]
fn rate_is_lines_per_second() {
    assert_eq!(parse("500/s"), Ok(500.0));
    assert_eq!(parse("0.5"), Ok(0.5));
    for wrong in ["0", "-1", "fast", "", "NaN", "2000000"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}
