use super::*;

#[test]
fn only_the_events_beyond_the_tenth_of_one_signature_are_excessive() {
    let reuse = Reuse::default();
    let excessive = (0..13).filter(|_| reuse.is_excessive([1; 16])).count();
    assert_eq!(excessive, 3);
    assert!(!reuse.is_excessive([2; 16]));
}

#[test]
fn the_oldest_signature_is_forgotten_first_and_memory_stays() {
    let reuse = Reuse::default();
    let signature = |number: usize| (number as u128).to_be_bytes();
    for _ in 0..USUAL {
        assert!(!reuse.is_excessive(signature(0)));
        assert!(!reuse.is_excessive(signature(1)));
    }
    (2..=CAPACITY).for_each(|number| assert!(!reuse.is_excessive(signature(number))));
    assert!(reuse.is_excessive(signature(1)), "still known");
    assert!(!reuse.is_excessive(signature(0)), "forgotten");
    let seen = reuse.0.lock().unwrap();
    assert_eq!((seen.events.len(), seen.order.len()), (CAPACITY, CAPACITY));
}
