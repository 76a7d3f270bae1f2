//! Events that were durable a short while ago: the only memory of them, also of those that earlier processes
//! spooled.
//!
//! Two deliveries are of the same event if source, type, event id and body are the same. Type and
//! event id are read from the body, so source and body hash say it all: a forged body with a real
//! event's id is another event and shuts nothing out.
//!
//! An event is remembered only once it is durable. While it is in flight, its duplicates wait.

use crate::delivery::{Identity, RememberedIdentity};
use foldhash::fast::RandomState;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Locks taken by different events rarely meet.
const SHARDS: usize = 16;

/// Small, for there are many: with its identity 24 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not durable yet.
    InFlight,
    /// Durable, as the event of that number.
    Durable(u32),
}

#[derive(Default)]
struct Shard {
    events: HashMap<Identity, State, RandomState>,
    /// Those who wait for events in flight: few events have any.
    waiting: HashMap<Identity, Vec<oneshot::Sender<()>>, RandomState>,
    /// The durable ones with their numbers, oldest first.
    oldest: VecDeque<(Identity, u32, Instant)>,
    /// How many there have been.
    count: u32,
    /// How many went before their time.
    forgotten_early: u64,
}

/// Remembers events for a while, up to a number.
pub struct Deduplication {
    window: Duration,
    capacity_per_shard: usize,
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
}

/// What is known of an event that came in.
pub enum Seen {
    /// Not seen within the window. Whoever holds the claim says how it ends.
    First(Claim),
    /// Durable already.
    Durable,
    /// In flight. Completes with `Ok` once that one is durable, with `Err` if it ends otherwise.
    InFlight(oneshot::Receiver<()>),
}

impl Deduplication {
    /// Remembers at most `capacity` events for `window`. A window of zero remembers nothing.
    pub fn new(window: Duration, capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            window,
            capacity_per_shard: capacity.div_ceil(SHARDS),
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::default(),
        })
    }

    /// Returns whether an event is durable, without a claim.
    pub fn is_durable(&self, event: &Identity, now: Instant) -> bool {
        let mut shard = self.shard(event);
        shard.forget_before(now.checked_sub(self.window));
        matches!(shard.events.get(event), Some(State::Durable(_)))
    }

    /// Remembers events that are durable in the spool for the rest of their window. A time after
    /// `now_millis`, of a clock that was set back, counts as now.
    pub fn restore(&self, mut events: Vec<RememberedIdentity>, now: Instant, now_millis: i64) {
        if self.window.is_zero() {
            return;
        }
        // The oldest of a shard is forgotten first.
        events.sort_unstable_by_key(|(_, spooled_at)| *spooled_at);
        for (event, spooled_at) in events {
            let age =
                Duration::from_millis(u64::try_from(now_millis.saturating_sub(spooled_at)).unwrap_or(0));
            if let Some(at) = now.checked_sub(age).filter(|_| age <= self.window) {
                // What the shards have no room for is the window's doing, not that of the load.
                let _forgot = self.keep(event, at);
            }
        }
    }

    /// Asks for an event, and claims it if it is new.
    pub fn claim(self: &Arc<Self>, event: Identity, now: Instant) -> Seen {
        if self.window.is_zero() {
            return Seen::First(Claim { memory: None, event });
        }
        let mut shard = self.shard(&event);
        shard.forget_before(now.checked_sub(self.window));
        match shard.events.entry(event) {
            Entry::Vacant(vacant) => {
                vacant.insert(State::InFlight);
                Seen::First(Claim { memory: Some(Arc::clone(self)), event })
            }
            Entry::Occupied(occupied) => match *occupied.get() {
                State::Durable(_) => Seen::Durable,
                State::InFlight => Seen::InFlight(shard.wait_for(event)),
            },
        }
    }

    /// How many durable events are remembered, and how many were forgotten for want of capacity.
    pub fn figures(&self) -> (usize, u64) {
        let shards = self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner));
        let figures = shards.map(|shard| (shard.oldest.len(), shard.forgotten_early));
        figures.fold((0, 0), |sum, shard| (sum.0 + shard.0, sum.1 + shard.1))
    }

    fn shard(&self, event: &Identity) -> MutexGuard<'_, Shard> {
        // Other bits than those that the map in it looks at first.
        let index = (self.hasher.hash_one(event) >> 32) as usize % SHARDS;
        // A shard is whole after each statement that changes it, so a panic elsewhere spoils nothing.
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, event: Identity, at: Instant) {
        if self.keep(event, at) {
            self.shard(&event).forgotten_early += 1;
        }
    }

    /// Keeps an event, and returns whether another one of its shard was forgotten for it.
    fn keep(&self, event: Identity, at: Instant) -> bool {
        let mut shard = self.shard(&event);
        shard.count = shard.count.wrapping_add(1);
        let number = shard.count;
        shard.events.insert(event, State::Durable(number));
        shard.oldest.push_back((event, number, at));
        let waiters = shard.waiters(&event);
        let is_full = shard.oldest.len() > self.capacity_per_shard;
        if is_full {
            shard.forget_oldest();
        }
        drop(shard);
        for waiter in waiters {
            // A duplicate whose deadline passed waits no more.
            let _ = waiter.send(());
        }
        is_full
    }

    /// Ends the flight of an event that is not durable; its waiters' channels close. An event that was
    /// found durable meanwhile stays so.
    fn forget(&self, event: Identity) {
        let mut shard = self.shard(&event);
        if shard.events.get(&event) == Some(&State::InFlight) {
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
        // Those whose deadline passed: an event may be in flight for hours.
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
            && *event.get() == State::Durable(number)
        {
            event.remove();
        }
    }
}

/// The duty to say how an event ended. Dropping it says: not durable.
pub struct Claim {
    memory: Option<Arc<Deduplication>>,
    event: Identity,
}

impl Claim {
    /// Every record of the event is durable.
    pub fn durable(mut self, now: Instant) {
        if let Some(memory) = self.memory.take() {
            memory.remember(self.event, now);
        }
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
