use super::*;
use std::time::Duration;

#[test]
fn second_of_tokens_and_no_more_is_there_after_any_pause() {
    let now = Instant::now();
    let quota = DeadLetterQuota::new(DeadLetterQuotaConfig { max_bytes: 1, max_rate: 3 });
    let taken = |at| (0..10).filter(|_| quota.take(at, 1)).count();
    assert_eq!(taken(now), 3);
    assert_eq!(taken(now + Duration::from_millis(400)), 1);
    assert_eq!(taken(now + Duration::from_secs(60)), 3, "tokens are not saved up");
}

#[test]
fn large_dead_letters_cost_more_and_none_is_too_large_for_the_rate() {
    let now = Instant::now();
    let quota = DeadLetterQuota::new(DeadLetterQuotaConfig { max_bytes: 1, max_rate: 32 });
    let taken = |bytes| (0..100).filter(|_| quota.take(now, bytes)).count();
    assert_eq!(taken(1024 * 1024), 2);
    let quota = DeadLetterQuota::new(DeadLetterQuotaConfig { max_bytes: 1, max_rate: 1 });
    assert!(quota.take(now, 1024 * 1024));
}
