//! Memory of recently durable events, those in the spool included. Two deliveries are the same event if
//! source and body are the same, so a forged body with a real id suppresses nothing. While an event is in
//! flight, its duplicates wait.

use crate::delivery::{Identity, RememberedIdentity};
use crate::telemetry::Metrics;
use foldhash::fast::RandomState;
use justcall_events::BodyHash;
use parking_lot::{Mutex, MutexGuard};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Locks, so that different events rarely wait for the same one.
const SHARDS: usize = 16;

/// 24 bytes with its identity, because there are many.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ClaimState {
    InFlight,
    /// Number in the shard.
    Durable(u32),
}

#[derive(Default)]
struct Shard {
    events: HashMap<Identity, ClaimState, RandomState>,
    /// Duplicates of events in flight.
    waiting: HashMap<Identity, Vec<oneshot::Sender<()>>, RandomState>,
    /// Durable events with their numbers, oldest first.
    oldest: VecDeque<(Identity, u32, Instant)>,
    count: u32,
    /// Forgotten before the end of the window.
    forgotten_early: u64,
}

/// Limited by time and number.
pub(crate) struct Deduplication {
    window: Duration,
    capacity_per_shard: usize,
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
}

pub(crate) enum ClaimResult {
    /// The event is new. The owner reports its end.
    Granted(Claim),
    Durable,
    /// Completes with `Ok` once the event is durable, with `Err` if it fails.
    InFlight(oneshot::Receiver<()>),
}

impl Deduplication {
    /// A window of zero remembers nothing.
    pub(crate) fn new(window: Duration, capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            window,
            capacity_per_shard: capacity.div_ceil(SHARDS),
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::default(),
        })
    }

    pub(super) fn register_metrics(self: &Arc<Self>, capacity: usize, metrics: &Metrics) {
        metrics.remembered_limit.set(i64::try_from(capacity).unwrap_or(i64::MAX));
        let (memory, remembered, early) =
            (Arc::clone(self), metrics.remembered.clone(), metrics.forgotten_early.clone());
        metrics.on_scrape(move || {
            let (now, forgotten) = memory.figures();
            remembered.set(i64::try_from(now).unwrap_or(i64::MAX));
            early.inc_by(forgotten.saturating_sub(early.get()));
        });
    }

    pub(crate) fn is_durable(&self, event: &Identity, now: Instant) -> bool {
        let mut shard = self.shard(event);
        shard.forget_before(now.checked_sub(self.window));
        matches!(shard.events.get(event), Some(ClaimState::Durable(_)))
    }

    /// Remembers spooled events for the rest of their window. A time in the future counts as now.
    pub(crate) fn restore(&self, mut events: Vec<RememberedIdentity>, now: Instant, now_millis: i64) {
        if self.window.is_zero() {
            return;
        }
        // A shard forgets its first event first.
        events.sort_unstable_by_key(|(_, spooled_at)| *spooled_at);
        for (event, spooled_at) in events {
            let age =
                Duration::from_millis(u64::try_from(now_millis.saturating_sub(spooled_at)).unwrap_or(0));
            if let Some(at) = now.checked_sub(age).filter(|_| age <= self.window) {
                // The load of this process is not the cause, so this is not counted as early.
                let _is_full = self.keep(event, at);
            }
        }
    }

    pub(crate) fn claim(self: &Arc<Self>, event: Identity, now: Instant) -> ClaimResult {
        if self.window.is_zero() {
            return ClaimResult::Granted(Claim { memory: None, event });
        }
        let mut shard = self.shard(&event);
        shard.forget_before(now.checked_sub(self.window));
        match shard.events.entry(event) {
            Entry::Vacant(vacant) => {
                vacant.insert(ClaimState::InFlight);
                ClaimResult::Granted(Claim { memory: Some(Arc::clone(self)), event })
            }
            Entry::Occupied(occupied) => match *occupied.get() {
                ClaimState::Durable(_) => ClaimResult::Durable,
                ClaimState::InFlight => ClaimResult::InFlight(shard.wait_for(event)),
            },
        }
    }

    /// Returns the numbers of events remembered, and of those forgotten for lack of capacity.
    pub(crate) fn figures(&self) -> (usize, u64) {
        let shards = self.shards.iter().map(|shard| shard.lock());
        let figures = shards.map(|shard| (shard.oldest.len(), shard.forgotten_early));
        figures.fold((0, 0), |sum, shard| (sum.0 + shard.0, sum.1 + shard.1))
    }

    fn shard(&self, event: &Identity) -> MutexGuard<'_, Shard> {
        // Not the bits by which the map of the shard selects a bucket.
        let index = (self.hasher.hash_one(event) >> 32) as usize % SHARDS;
        self.shards[index].lock()
    }

    fn remember(&self, event: Identity, at: Instant) {
        if self.keep(event, at) {
            self.shard(&event).forgotten_early += 1;
        }
    }

    /// Returns whether another event was forgotten for it.
    fn keep(&self, event: Identity, at: Instant) -> bool {
        let mut shard = self.shard(&event);
        shard.count = shard.count.wrapping_add(1);
        let number = shard.count;
        shard.events.insert(event, ClaimState::Durable(number));
        shard.oldest.push_back((event, number, at));
        let waiters = shard.waiters(&event);
        let is_full = shard.oldest.len() > self.capacity_per_shard;
        if is_full {
            shard.forget_oldest();
        }
        drop(shard);
        for waiter in waiters {
            // The duplicate may have stopped waiting.
            let _ = waiter.send(());
        }
        is_full
    }

    /// An event that became durable meanwhile stays.
    fn forget(&self, event: Identity) {
        let mut shard = self.shard(&event);
        if shard.events.get(&event) == Some(&ClaimState::InFlight) {
            shard.events.remove(&event);
        }
        let waiters = shard.waiters(&event);
        drop(shard);
        drop(waiters);
    }
}

impl Shard {
    fn wait_for(&mut self, event: Identity) -> oneshot::Receiver<()> {
        let waiters = self.waiting.entry(event).or_default();
        // An event may be in flight for hours.
        waiters.retain(|waiter| !waiter.is_closed());
        let (waiter, outcome) = oneshot::channel();
        waiters.push(waiter);
        outcome
    }

    fn waiters(&mut self, event: &Identity) -> Vec<oneshot::Sender<()>> {
        if self.waiting.is_empty() { Vec::new() } else { self.waiting.remove(event).unwrap_or_default() }
    }

    fn forget_before(&mut self, start: Option<Instant>) {
        while let (Some(start), Some((_, _, at))) = (start, self.oldest.front())
            && *at < start
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((event, number, _)) = self.oldest.pop_front()
            && let Entry::Occupied(event) = self.events.entry(event)
            && *event.get() == ClaimState::Durable(number)
        {
            event.remove();
        }
    }
}

/// Dropping it reports that the event is not durable.
pub(crate) struct Claim {
    memory: Option<Arc<Deduplication>>,
    event: Identity,
}

impl Claim {
    pub(crate) fn durable(mut self, now: Instant) {
        if let Some(memory) = self.memory.take() {
            memory.remember(self.event, now);
        }
    }

    pub(super) fn has_dead_letter(&self, topic: &str, reason: &str, now: Instant) -> bool {
        self.memory.as_ref().is_some_and(|memory| memory.is_durable(&self.dead_letter(topic, reason), now))
    }

    /// The event itself stays in flight.
    pub(super) fn dead_lettered(&self, topic: &str, reason: &str, now: Instant) {
        if let Some(memory) = &self.memory {
            memory.remember(self.dead_letter(topic, reason), now);
        }
    }

    /// No event has this identity.
    fn dead_letter(&self, topic: &str, reason: &str) -> Identity {
        let letter = [&self.event[..], topic.as_bytes(), b"\0", reason.as_bytes()];
        BodyHash::of(&letter.concat()).prefix()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(memory) = self.memory.take() {
            memory.forget(self.event);
        }
    }
}

#[cfg(test)]
mod tests;
