use super::*;

#[test]
fn one_line_for_each_interval_with_the_number_suppressed() {
    let throttle = LogThrottle::every(Duration::from_secs(10));
    let start = Instant::now();
    let at = |seconds| throttle.pass(start + Duration::from_secs(seconds));
    assert_eq!(at(0), Some(0));
    assert_eq!((at(1), at(9)), (None, None));
    assert_eq!(at(10), Some(2));
    assert_eq!(at(19), None);
    assert_eq!(at(30), Some(1));
}

#[test]
fn burst_of_lines_passes_and_then_the_rate() {
    let throttle = LogThrottle::new(3, 2);
    let start = Instant::now();
    let at = |millis| throttle.pass(start + Duration::from_millis(millis));
    assert_eq!([at(0), at(0), at(0)], [Some(0); 3]);
    assert_eq!([at(0), at(100), at(400)], [None; 3]);
    assert_eq!(at(500), Some(3));
    assert_eq!(at(900), None);
    assert_eq!(at(1000), Some(1));
}
