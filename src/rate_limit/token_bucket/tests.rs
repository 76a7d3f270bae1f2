use super::*;

#[test]
fn burst_is_accepted_and_then_the_rate() {
    let bucket = TokenBucket::new(3, 2);
    let start = Instant::now();
    let at = |millis| bucket.take(start + Duration::from_millis(millis), 1);
    assert_eq!([at(0), at(0), at(0)], [true; 3]);
    assert_eq!([at(0), at(100), at(400)], [false; 3]);
    assert!(at(500));
    assert!(!at(900));
    assert!(at(1000));
}

#[test]
fn bucket_holds_one_burst_at_most() {
    let bucket = TokenBucket::new(2, 10);
    let start = Instant::now();
    let hour = start + Duration::from_secs(3600);
    assert!(bucket.take(start, 1));
    assert_eq!([bucket.take(hour, 1), bucket.take(hour, 1), bucket.take(hour, 1)], [true, true, false]);
}
