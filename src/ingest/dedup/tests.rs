use super::*;

const WINDOW: Duration = Duration::from_secs(60);

fn first(seen: Seen) -> Claim {
    match seen {
        Seen::First(claim) => claim,
        Seen::Durable => panic!("remembered as durable"),
        Seen::InFlight(_) => panic!("still in flight"),
    }
}

fn hash(body: &str) -> BodyHash {
    BodyHash::of(body.as_bytes())
}

#[test]
fn durable_event_is_a_duplicate_within_the_window_and_new_after_it() {
    let memory = Deduplication::new(WINDOW, 100);
    let start = Instant::now();
    first(memory.claim(0, &hash("a"), start)).durable(start);
    assert!(matches!(memory.claim(0, &hash("a"), start + WINDOW), Seen::Durable));
    first(memory.claim(0, &hash("a"), start + WINDOW + Duration::from_millis(1)));
}

#[test]
fn same_body_from_another_source_is_another_event() {
    let memory = Deduplication::new(WINDOW, 100);
    let now = Instant::now();
    first(memory.claim(0, &hash("a"), now)).durable(now);
    first(memory.claim(1, &hash("a"), now));
}

#[test]
fn event_that_failed_is_new_again_and_its_waiters_hear_of_it() {
    let memory = Deduplication::new(WINDOW, 100);
    let now = Instant::now();
    let claim = first(memory.claim(0, &hash("a"), now));
    let Seen::InFlight(waiter) = memory.claim(0, &hash("a"), now) else { panic!("not in flight") };
    drop(claim);
    assert!(waiter.blocking_recv().is_err());
    first(memory.claim(0, &hash("a"), now));
}

#[test]
fn waiters_of_an_event_in_flight_learn_that_it_is_durable() {
    let memory = Deduplication::new(WINDOW, 100);
    let now = Instant::now();
    let claim = first(memory.claim(0, &hash("a"), now));
    let Seen::InFlight(waiter) = memory.claim(0, &hash("a"), now) else { panic!("not in flight") };
    claim.durable(now);
    assert!(waiter.blocking_recv().is_ok());
    assert!(matches!(memory.claim(0, &hash("a"), now), Seen::Durable));
}

#[test]
fn duplicates_that_wait_no_more_are_not_kept() {
    let memory = Deduplication::new(WINDOW, 100);
    let now = Instant::now();
    let _claim = first(memory.claim(0, &hash("a"), now));
    let Seen::InFlight(patient) = memory.claim(0, &hash("a"), now) else { panic!("not in flight") };
    for _ in 0..1000 {
        drop(memory.claim(0, &hash("a"), now));
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
        first(memory.claim(0, &hash(&n.to_string()), now)).durable(now);
    }
    let held: usize = memory.shards.iter().map(|shard| shard.lock().unwrap().events.len()).sum();
    let queued: usize = memory.shards.iter().map(|shard| shard.lock().unwrap().oldest.len()).sum();
    assert_eq!((held, queued), (160, 160));
    assert!(matches!(memory.claim(0, &hash("9999"), now), Seen::Durable));
    first(memory.claim(0, &hash("0"), now));
}

#[test]
fn events_in_flight_are_never_pushed_out() {
    let memory = Deduplication::new(WINDOW, 16);
    let now = Instant::now();
    let claim = first(memory.claim(0, &hash("slow"), now));
    for n in 0..1_000 {
        first(memory.claim(0, &hash(&n.to_string()), now)).durable(now);
    }
    assert!(matches!(memory.claim(0, &hash("slow"), now + 2 * WINDOW), Seen::InFlight(_)));
    drop(claim);
}

#[test]
fn zero_window_remembers_nothing() {
    let memory = Deduplication::new(Duration::ZERO, 100);
    let now = Instant::now();
    first(memory.claim(0, &hash("a"), now)).durable(now);
    first(memory.claim(0, &hash("a"), now));
}

#[test]
fn what_is_forgotten_for_want_of_capacity_is_counted() {
    // One to a shard.
    let memory = Deduplication::new(WINDOW, 16);
    let now = Instant::now();
    for n in 0..100 {
        first(memory.claim(0, &hash(&n.to_string()), now)).durable(now);
    }
    let (remembered, early) = memory.figures();
    assert_eq!(remembered as u64 + early, 100);
    assert!(remembered <= 16, "{remembered}");
}

#[test]
fn what_is_forgotten_in_time_is_not_counted_as_early() {
    let memory = Deduplication::new(WINDOW, 16);
    let start = Instant::now();
    first(memory.claim(0, &hash("a"), start)).durable(start);
    let later = start + WINDOW + Duration::from_secs(1);
    first(memory.claim(0, &hash("a"), later)).durable(later);
    assert_eq!(memory.figures(), (1, 0));
}

#[test]
fn event_is_durable_only_after_its_claim_ends_so() {
    let memory = Deduplication::new(WINDOW, 16);
    let now = Instant::now();
    let claim = first(memory.claim(0, &hash("a"), now));
    assert!(!memory.is_durable(0, &hash("a"), now));
    claim.durable(now);
    assert!(memory.is_durable(0, &hash("a"), now) && !memory.is_durable(0, &hash("b"), now));
    assert!(!memory.is_durable(0, &hash("a"), now + WINDOW + Duration::from_secs(1)));
}
