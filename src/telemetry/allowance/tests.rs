use super::*;
use std::time::Duration;

#[test]
fn a_burst_passes_and_then_so_many_a_second_with_the_number_left_out() {
    let allowance = Allowance::new(3, 2);
    let start = Instant::now();
    let at = |millis| allowance.take(start + Duration::from_millis(millis));
    assert_eq!([at(0), at(0), at(0)], [Some(0); 3]);
    assert_eq!([at(0), at(100), at(400)], [None; 3]);
    assert_eq!(at(500), Some(3));
    assert_eq!(at(900), None);
    assert_eq!(at(1000), Some(1));
}

#[test]
fn quiet_times_save_up_one_burst_and_no_more() {
    let allowance = Allowance::new(2, 10);
    let start = Instant::now();
    let hour = start + Duration::from_secs(3600);
    assert_eq!(allowance.take(start), Some(0));
    assert_eq!([allowance.take(hour), allowance.take(hour), allowance.take(hour)], [Some(0), Some(0), None]);
}
