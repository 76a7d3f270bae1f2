use super::*;

const WINDOW: Duration = Duration::from_secs(60);

fn granted(result: ClaimResult) -> Claim {
    match result {
        ClaimResult::Granted(claim) => claim,
        ClaimResult::Durable => panic!("remembered as durable"),
        ClaimResult::InFlight(_) => panic!("still in flight"),
    }
}

fn event(body: &str) -> Identity {
    BodyHash::of(body.as_bytes()).prefix()
}

#[test]
fn durable_event_is_a_duplicate_within_the_window_and_new_after_it() {
    let memory = Deduplication::new(WINDOW, 100);
    let start = Instant::now();
    granted(memory.claim(event("a"), start)).durable(start);
    assert!(matches!(memory.claim(event("a"), start + WINDOW), ClaimResult::Durable));
    granted(memory.claim(event("a"), start + WINDOW + Duration::from_millis(1)));
}

#[test]
fn failed_event_is_new_again_and_its_waiters_are_notified() {
    let memory = Deduplication::new(WINDOW, 100);
    let now = Instant::now();
    let claim = granted(memory.claim(event("a"), now));
    let ClaimResult::InFlight(waiter) = memory.claim(event("a"), now) else { panic!("not in flight") };
    drop(claim);
    assert!(waiter.blocking_recv().is_err());
    granted(memory.claim(event("a"), now));
}

#[test]
fn waiters_are_notified_when_the_event_is_durable() {
    let memory = Deduplication::new(WINDOW, 100);
    let now = Instant::now();
    let claim = granted(memory.claim(event("a"), now));
    let ClaimResult::InFlight(waiter) = memory.claim(event("a"), now) else { panic!("not in flight") };
    claim.durable(now);
    assert!(waiter.blocking_recv().is_ok());
    assert!(matches!(memory.claim(event("a"), now), ClaimResult::Durable));
}

#[test]
fn duplicates_that_stopped_waiting_are_removed() {
    let memory = Deduplication::new(WINDOW, 100);
    let now = Instant::now();
    let _claim = granted(memory.claim(event("a"), now));
    let ClaimResult::InFlight(patient) = memory.claim(event("a"), now) else { panic!("not in flight") };
    for _ in 0..1000 {
        drop(memory.claim(event("a"), now));
    }
    let kept: usize =
        memory.shards.iter().map(|shard| shard.lock().waiting.values().map(Vec::len).sum::<usize>()).sum();
    assert!(kept <= 2, "{kept} are kept");
    drop(patient);
}

#[test]
fn memory_is_bounded_and_forgets_the_oldest_event_first() {
    let memory = Deduplication::new(WINDOW, 16 * 10);
    let now = Instant::now();
    for n in 0..10_000 {
        granted(memory.claim(event(&n.to_string()), now)).durable(now);
    }
    let held: usize = memory.shards.iter().map(|shard| shard.lock().events.len()).sum();
    let queued: usize = memory.shards.iter().map(|shard| shard.lock().oldest.len()).sum();
    assert_eq!((held, queued), (160, 160));
    assert!(matches!(memory.claim(event("9999"), now), ClaimResult::Durable));
    granted(memory.claim(event("0"), now));
}

#[test]
fn events_in_flight_are_never_forgotten() {
    let memory = Deduplication::new(WINDOW, 16);
    let now = Instant::now();
    let claim = granted(memory.claim(event("slow"), now));
    for n in 0..1_000 {
        granted(memory.claim(event(&n.to_string()), now)).durable(now);
    }
    assert!(matches!(memory.claim(event("slow"), now + 2 * WINDOW), ClaimResult::InFlight(_)));
    drop(claim);
}

#[test]
fn zero_window_remembers_nothing() {
    let memory = Deduplication::new(Duration::ZERO, 100);
    let now = Instant::now();
    granted(memory.claim(event("a"), now)).durable(now);
    granted(memory.claim(event("a"), now));
}

#[test]
fn events_forgotten_for_lack_of_capacity_are_counted() {
    // One event in each shard.
    let memory = Deduplication::new(WINDOW, 16);
    let now = Instant::now();
    for n in 0..100 {
        granted(memory.claim(event(&n.to_string()), now)).durable(now);
    }
    let (remembered, early) = memory.figures();
    assert_eq!(remembered as u64 + early, 100);
    assert!(remembered <= 16, "{remembered}");
}

#[test]
fn events_forgotten_after_the_window_are_not_counted() {
    let memory = Deduplication::new(WINDOW, 16);
    let start = Instant::now();
    granted(memory.claim(event("a"), start)).durable(start);
    let later = start + WINDOW + Duration::from_secs(1);
    granted(memory.claim(event("a"), later)).durable(later);
    assert_eq!(memory.figures(), (1, 0));
}

#[test]
fn event_is_durable_only_after_its_claim_reports_it() {
    let memory = Deduplication::new(WINDOW, 16);
    let now = Instant::now();
    let claim = granted(memory.claim(event("a"), now));
    assert!(!memory.is_durable(&event("a"), now));
    claim.durable(now);
    assert!(memory.is_durable(&event("a"), now) && !memory.is_durable(&event("b"), now));
    assert!(!memory.is_durable(&event("a"), now + WINDOW + Duration::from_secs(1)));
}

const NOW_MILLIS: i64 = 1_800_000_000_000;

fn restored(window: Duration, events: &[(&str, i64)]) -> (Arc<Deduplication>, Instant) {
    let (memory, now) = (Deduplication::new(window, 1600), Instant::now());
    let events = events.iter().map(|(body, age)| (event(body), NOW_MILLIS - age)).collect();
    memory.restore(events, now, NOW_MILLIS);
    (memory, now)
}

#[test]
fn spooled_event_is_remembered_for_the_rest_of_its_window() {
    // The spool returns the newest event first.
    let (memory, now) = restored(WINDOW, &[("new", 0), ("old", 59_000), ("older", 60_000), ("past", 60_001)]);
    assert_eq!(memory.figures(), (3, 0), "the past takes no place");
    for remembered in ["new", "old", "older"] {
        assert!(memory.is_durable(&event(remembered), now), "{remembered}");
    }
    assert!(!memory.is_durable(&event("past"), now));
    let later = now + Duration::from_secs(2);
    assert!(!memory.is_durable(&event("old"), later) && memory.is_durable(&event("new"), later));
    assert!(!memory.is_durable(&event("new"), now + WINDOW + Duration::from_millis(1)));
    assert_eq!(memory.figures().1, 0, "forgotten early");
}

#[test]
fn event_spooled_before_the_clock_was_set_back_counts_as_new() {
    let (memory, now) = restored(WINDOW, &[("a", -3_600_000), ("b", 1_000), ("c", i64::MIN / 2)]);
    // The earlier time first: the two may share a shard, which forgets by the later one.
    assert!(memory.is_durable(&event("b"), now) && memory.is_durable(&event("a"), now + WINDOW));
    assert!(!memory.is_durable(&event("a"), now + WINDOW + Duration::from_millis(1)), "for ever");
}

#[test]
fn shorter_window_after_a_restart_applies_to_spooled_events() {
    let events = [("a", 500), ("b", 2_000)];
    let (memory, now) = restored(Duration::from_secs(1), &events);
    assert!(memory.is_durable(&event("a"), now) && !memory.is_durable(&event("b"), now));
    let (memory, now) = restored(Duration::ZERO, &[("a", 0)]);
    assert!(!memory.is_durable(&event("a"), now));
    granted(memory.claim(event("a"), now));
    assert_eq!(memory.figures(), (0, 0));
}

#[test]
fn newest_events_are_restored_if_there_are_more_than_the_capacity() {
    let names: Vec<_> = (0..10_000).map(|n| n.to_string()).collect();
    let events: Vec<_> = names.iter().enumerate().map(|(age, name)| (name.as_str(), age as i64)).collect();
    let (memory, now) = restored(WINDOW, &events);
    assert_eq!(memory.figures().0, 1600);
    assert!(memory.is_durable(&event("0"), now) && !memory.is_durable(&event("9999"), now));
}

/// As after a failed commit that reached the disk.
#[test]
fn event_that_becomes_durable_while_its_retry_is_in_flight_stays_durable() {
    let (memory, now) = (Deduplication::new(WINDOW, 100), Instant::now());
    let claim = granted(memory.claim(event("a"), now));
    let ClaimResult::InFlight(waiter) = memory.claim(event("a"), now) else { panic!("not in flight") };
    memory.restore(vec![(event("a"), NOW_MILLIS)], now, NOW_MILLIS);
    assert!(waiter.blocking_recv().is_ok());
    drop(claim);
    assert!(matches!(memory.claim(event("a"), now), ClaimResult::Durable));
}

#[test]
fn restored_events_beyond_the_capacity_are_not_counted_as_forgotten() {
    let memory = Deduplication::new(WINDOW, 100);
    let now = Instant::now();
    memory.restore((0..100).map(|n| (event(&n.to_string()), 0)).collect(), now, 0);
    let (remembered, forgotten) = memory.figures();
    assert!(remembered < 100, "the shards fill unevenly");
    assert_eq!(forgotten, 0);
}

#[test]
fn dead_letter_is_remembered_for_its_event_topic_and_reason_only() {
    let memory = Deduplication::new(WINDOW, 100);
    let now = Instant::now();
    granted(memory.claim(event("a"), now)).dead_lettered("t", "refused", now);
    let again = granted(memory.claim(event("a"), now));
    assert!(again.has_dead_letter("t", "refused", now), "the claim is new, and the dead letter is durable");
    assert!(!again.has_dead_letter("other", "refused", now) && !again.has_dead_letter("t", "too large", now));
    assert!(!granted(memory.claim(event("b"), now)).has_dead_letter("t", "refused", now));
    assert!(!again.has_dead_letter("t", "refused", now + WINDOW + Duration::from_millis(1)));
}
