use super::DrainLimits;
use crate::delivery::drain_limits::WindowLimits;

#[test]
fn drains_share_what_may_be_in_hand() {
    let limits = |lanes, queue| {
        let share = DrainLimits::new(queue);
        share.among(lanes);
        let WindowLimits { rows, bytes } = share.limits();
        (rows, bytes)
    };
    assert_eq!(limits(1, (1_000_000, 1 << 30)), (16 * 1024, 16 << 20));
    assert_eq!(limits(4, (4000, 8 << 20)), (250, 512 << 10));
    assert_eq!(limits(1000, (100, 1 << 20)), (1, 64 << 10), "each can go on");
    assert_eq!(limits(0, (4000, 8 << 20)), (1000, 2 << 20));
}
