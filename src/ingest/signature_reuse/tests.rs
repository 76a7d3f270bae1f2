use super::*;

#[test]
fn events_after_the_tenth_of_a_signature_are_excessive() {
    let reuse = SignatureReuse::default();
    let excessive = (0..13).filter(|_| reuse.is_excessive([1; 16])).count();
    assert_eq!(excessive, 3);
    assert!(!reuse.is_excessive([2; 16]));
}

#[test]
fn oldest_signature_is_forgotten_first_and_memory_is_bounded() {
    let reuse = SignatureReuse::default();
    let signature = |number: usize| (number as u128).to_be_bytes();
    for _ in 0..MAX_USUAL_EVENTS {
        assert!(!reuse.is_excessive(signature(0)));
        assert!(!reuse.is_excessive(signature(1)));
    }
    (2..=MAX_SIGNATURES).for_each(|number| assert!(!reuse.is_excessive(signature(number))));
    assert!(reuse.is_excessive(signature(1)), "still known");
    assert!(!reuse.is_excessive(signature(0)), "forgotten");
    let counts = reuse.0.lock();
    assert_eq!((counts.events.len(), counts.order.len()), (MAX_SIGNATURES, MAX_SIGNATURES));
}
