use super::*;
use justcall_events::BodyHash;

const WINDOW: Duration = Duration::from_secs(60);

fn first(seen: Seen) -> Claim {
    match seen {
        Seen::First(claim) => claim,
        Seen::Durable => panic!("remembered as durable"),
        Seen::InFlight(_) => panic!("still in flight"),
    }
}

fn event(body: &str) -> Identity {
    BodyHash::of(body.as_bytes()).prefix()
}

#[test]
fn durable_event_is_a_duplicate_within_the_window_and_new_after_it() {
    let memory = Deduplication::new(WINDOW, 100);
    let start = Instant::now();
    first(memory.claim(event("a"), start)).durable(start);
    assert!(matches!(memory.claim(event("a"), start + WINDOW), Seen::Durable));
    first(memory.claim(event("a"), start + WINDOW + Duration::from_millis(1)));
}

#[test]
fn event_that_failed_is_new_again_and_its_waiters_hear_of_it() {
    let memory = Deduplication::new(WINDOW, 100);
    let now = Instant::now();
    let claim = first(memory.claim(event("a"), now));
    let Seen::InFlight(waiter) = memory.claim(event("a"), now) else { panic!("not in flight") };
    drop(claim);
    assert!(waiter.blocking_recv().is_err());
    first(memory.claim(event("a"), now));
}

#[test]
fn waiters_of_an_event_in_flight_learn_that_it_is_durable() {
    let memory = Deduplication::new(WINDOW, 100);
    let now = Instant::now();
    let claim = first(memory.claim(event("a"), now));
    let Seen::InFlight(waiter) = memory.claim(event("a"), now) else { panic!("not in flight") };
    claim.durable(now);
    assert!(waiter.blocking_recv().is_ok());
    assert!(matches!(memory.claim(event("a"), now), Seen::Durable));
}

#[test]
fn duplicates_that_wait_no_more_are_not_kept() {
    let memory = Deduplication::new(WINDOW, 100);
    let now = Instant::now();
    let _claim = first(memory.claim(event("a"), now));
    let Seen::InFlight(patient) = memory.claim(event("a"), now) else { panic!("not in flight") };
    for _ in 0..1000 {
        drop(memory.claim(event("a"), now));
    }
    let kept: usize = memory
        .shards
        .iter()
        .map(|shard| shard.lock().unwrap().waiting.values().map(Vec::len).sum::<usize>())
        .sum();
    assert!(kept <= 2, "{kept} are kept");
    drop(patient);
}

#[test]
fn capacity_bounds_what_is_remembered_and_the_oldest_goes_first() {
    let memory = Deduplication::new(WINDOW, 16 * 10);
    let now = Instant::now();
    for n in 0..10_000 {
        first(memory.claim(event(&n.to_string()), now)).durable(now);
    }
    let held: usize = memory.shards.iter().map(|shard| shard.lock().unwrap().events.len()).sum();
    let queued: usize = memory.shards.iter().map(|shard| shard.lock().unwrap().oldest.len()).sum();
    assert_eq!((held, queued), (160, 160));
    assert!(matches!(memory.claim(event("9999"), now), Seen::Durable));
    first(memory.claim(event("0"), now));
}

#[test]
fn events_in_flight_are_never_pushed_out() {
    let memory = Deduplication::new(WINDOW, 16);
    let now = Instant::now();
    let claim = first(memory.claim(event("slow"), now));
    for n in 0..1_000 {
        first(memory.claim(event(&n.to_string()), now)).durable(now);
    }
    assert!(matches!(memory.claim(event("slow"), now + 2 * WINDOW), Seen::InFlight(_)));
    drop(claim);
}

#[test]
fn zero_window_remembers_nothing() {
    let memory = Deduplication::new(Duration::ZERO, 100);
    let now = Instant::now();
    first(memory.claim(event("a"), now)).durable(now);
    first(memory.claim(event("a"), now));
}

#[test]
fn what_is_forgotten_for_want_of_capacity_is_counted() {
    // One to a shard.
    let memory = Deduplication::new(WINDOW, 16);
    let now = Instant::now();
    for n in 0..100 {
        first(memory.claim(event(&n.to_string()), now)).durable(now);
    }
    let (remembered, early) = memory.figures();
    assert_eq!(remembered as u64 + early, 100);
    assert!(remembered <= 16, "{remembered}");
}

#[test]
fn what_is_forgotten_in_time_is_not_counted_as_early() {
    let memory = Deduplication::new(WINDOW, 16);
    let start = Instant::now();
    first(memory.claim(event("a"), start)).durable(start);
    let later = start + WINDOW + Duration::from_secs(1);
    first(memory.claim(event("a"), later)).durable(later);
    assert_eq!(memory.figures(), (1, 0));
}

#[test]
fn event_is_durable_only_after_its_claim_ends_so() {
    let memory = Deduplication::new(WINDOW, 16);
    let now = Instant::now();
    let claim = first(memory.claim(event("a"), now));
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
    // In the order of the spool: the newest first.
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
fn event_of_a_later_time_was_spooled_before_the_clock_was_set_back() {
    let (memory, now) = restored(WINDOW, &[("a", -3_600_000), ("b", 1_000), ("c", i64::MIN / 2)]);
    assert!(memory.is_durable(&event("a"), now + WINDOW) && memory.is_durable(&event("b"), now));
    assert!(!memory.is_durable(&event("a"), now + WINDOW + Duration::from_millis(1)), "for ever");
}

#[test]
fn shorter_window_after_a_restart_holds_for_what_was_spooled() {
    let events = [("a", 500), ("b", 2_000)];
    let (memory, now) = restored(Duration::from_secs(1), &events);
    assert!(memory.is_durable(&event("a"), now) && !memory.is_durable(&event("b"), now));
    let (memory, now) = restored(Duration::ZERO, &[("a", 0)]);
    assert!(!memory.is_durable(&event("a"), now));
    first(memory.claim(event("a"), now));
    assert_eq!(memory.figures(), (0, 0));
}

#[test]
fn more_events_than_the_capacity_leave_the_newest() {
    let names: Vec<_> = (0..10_000).map(|n| n.to_string()).collect();
    let events: Vec<_> = names.iter().enumerate().map(|(age, name)| (name.as_str(), age as i64)).collect();
    let (memory, now) = restored(WINDOW, &events);
    assert_eq!(memory.figures().0, 1600);
    assert!(memory.is_durable(&event("0"), now) && !memory.is_durable(&event("9999"), now));
}

/// A failed commit had reached the disk.
#[test]
fn event_found_durable_while_its_retry_is_in_flight_stays_so() {
    let (memory, now) = (Deduplication::new(WINDOW, 100), Instant::now());
    let claim = first(memory.claim(event("a"), now));
    let Seen::InFlight(waiter) = memory.claim(event("a"), now) else { panic!("not in flight") };
    memory.restore(vec![(event("a"), NOW_MILLIS)], now, NOW_MILLIS);
    assert!(waiter.blocking_recv().is_ok());
    drop(claim);
    assert!(matches!(memory.claim(event("a"), now), Seen::Durable));
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
