use super::*;

#[test]
fn producer_is_idle_until_many_are_in_flight_and_again_later() {
    let idle_detector = IdleDetector::default();
    assert!(
        (0..MAX_IN_FLIGHT_REQUESTS).all(|others| idle_detector.holds(others)),
        "the first records of all"
    );
    assert!(!idle_detector.holds(MAX_IN_FLIGHT_REQUESTS), "others are there to wait for");
    let since = (0..50).take_while(|_| !idle_detector.holds(0)).count();
    assert_eq!(since, MIN_IDLE_RECORDS, "a moment with few is not enough");
}

#[test]
fn bursts_are_not_idle() {
    let idle_detector = IdleDetector::default();
    let burst = || (0..60).map(|others| idle_detector.holds(others)).collect::<Vec<_>>();
    burst();
    assert!(!burst().contains(&true));
}
