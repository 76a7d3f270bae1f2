use super::*;

#[test]
fn who_has_left_no_longer_counts() {
    let crowd = Crowd::new(Arc::new(Metrics::new()));
    let (first, second) = (crowd.enter(), crowd.enter());
    assert_eq!(crowd.len(), 2);
    drop(first);
    assert_eq!(crowd.len(), 1);
    drop(second);
    assert_eq!(crowd.len(), 0);
}
