use super::*;

#[test]
fn it_is_calm_until_many_are_out_and_again_after_a_while() {
    let calm = Calm::default();
    assert!((0..FEW).all(|others| calm.holds(others)), "the first records of all");
    assert!(!calm.holds(FEW), "others are there to wait for");
    let since = (0..50).take_while(|_| !calm.holds(0)).count();
    assert_eq!(since, CALM, "a moment with few is not enough");
}

#[test]
fn bursts_are_not_calm_however_few_are_out_between_them() {
    let calm = Calm::default();
    let burst = || (0..60).map(|others| calm.holds(others)).collect::<Vec<_>>();
    burst();
    assert!(!burst().contains(&true));
}
