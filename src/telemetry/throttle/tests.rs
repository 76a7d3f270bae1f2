use super::*;

#[test]
fn the_first_line_passes_and_then_one_in_each_period_with_its_number() {
    let throttle = Throttle::new(Duration::from_secs(10));
    let start = Instant::now();
    let at = |seconds| throttle.pass(start + Duration::from_secs(seconds));
    assert_eq!(at(0), Some(1));
    assert_eq!((at(1), at(9)), (None, None));
    assert_eq!(at(10), Some(3));
    assert_eq!(at(19), None);
    assert_eq!(at(30), Some(2));
}
