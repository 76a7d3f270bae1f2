use super::*;

#[test]
fn pause_is_spread_over_its_second_half() {
    let pause = Duration::from_secs(10);
    assert_eq!(jittered(pause, 0), pause / 2);
    assert_eq!(jittered(pause, u64::MAX), pause);
    let middle = jittered(pause, u64::MAX / 2);
    assert!(middle > pause / 2 && middle < pause, "{middle:?}");
}
