//! Which events were durable a short while ago.
//!
//! Two deliveries are of the same event if source, type, event id and body are the same. Type and
//! event id are read from the body, so source and body hash say it all: a forged body with a real
//! event's id is another event and shuts nothing out.
//!
//! An event is remembered only once it is durable. While it is in flight, its duplicates wait.

use crate::event::BodyHash;
use foldhash::fast::RandomState;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Locks taken by different events rarely meet.
const SHARDS: usize = 16;

/// What makes two deliveries the same event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    source: u16,
    body: [u8; 16],
}

impl Key {
    fn new(source: usize, body: &BodyHash) -> Self {
        Self { source: u16::try_from(source).unwrap_or(u16::MAX), body: body.prefix() }
    }
}

/// Small, for there are many: with its key 24 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not durable yet.
    InFlight,
    /// Durable, as the event of that number.
    Durable(u32),
}

#[derive(Default)]
struct Shard {
    events: HashMap<Key, State, RandomState>,
    /// Those who wait for events in flight: few events have any.
    waiting: HashMap<Key, Vec<oneshot::Sender<()>>, RandomState>,
    /// The durable ones with their numbers, oldest first.
    oldest: VecDeque<(Key, u32, Instant)>,
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
    pub fn is_durable(&self, source: usize, body: &BodyHash, now: Instant) -> bool {
        let key = Key::new(source, body);
        let mut shard = self.shard(&key);
        shard.forget_before(now.checked_sub(self.window));
        matches!(shard.events.get(&key), Some(State::Durable(_)))
    }

    /// Asks for an event, and claims it if it is new.
    pub fn claim(self: &Arc<Self>, source: usize, body: &BodyHash, now: Instant) -> Seen {
        let key = Key::new(source, body);
        if self.window.is_zero() {
            return Seen::First(Claim { memory: None, key });
        }
        let mut shard = self.shard(&key);
        shard.forget_before(now.checked_sub(self.window));
        match shard.events.entry(key) {
            Entry::Vacant(vacant) => {
                vacant.insert(State::InFlight);
                Seen::First(Claim { memory: Some(Arc::clone(self)), key })
            }
            Entry::Occupied(occupied) => match *occupied.get() {
                State::Durable(_) => Seen::Durable,
                State::InFlight => Seen::InFlight(shard.wait_for(key)),
            },
        }
    }

    /// How many durable events are remembered, and how many were forgotten for want of capacity.
    pub fn figures(&self) -> (usize, u64) {
        let shards = self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner));
        let figures = shards.map(|shard| (shard.oldest.len(), shard.forgotten_early));
        figures.fold((0, 0), |sum, shard| (sum.0 + shard.0, sum.1 + shard.1))
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, Shard> {
        // Other bits than those that the map in it looks at first.
        let index = (self.hasher.hash_one(key) >> 32) as usize % SHARDS;
        // A shard is whole after each statement that changes it, so a panic elsewhere spoils nothing.
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, key: Key, now: Instant) {
        let mut shard = self.shard(&key);
        shard.count = shard.count.wrapping_add(1);
        let number = shard.count;
        shard.events.insert(key, State::Durable(number));
        shard.oldest.push_back((key, number, now));
        let waiters = shard.waiters(&key);
        if shard.oldest.len() > self.capacity_per_shard {
            shard.forgotten_early += 1;
            shard.forget_oldest();
        }
        drop(shard);
        for waiter in waiters {
            // A duplicate whose deadline passed waits no more.
            let _ = waiter.send(());
        }
    }

    /// Ends the flight of an event that is not durable; its waiters' channels close.
    fn forget(&self, key: Key) {
        let mut shard = self.shard(&key);
        shard.events.remove(&key);
        let waiters = shard.waiters(&key);
        drop(shard);
        drop(waiters);
    }
}

impl Shard {
    fn wait_for(&mut self, key: Key) -> oneshot::Receiver<()> {
        let waiters = self.waiting.entry(key).or_default();
        // Those whose deadline passed: an event may be in flight for hours.
        waiters.retain(|waiter| !waiter.is_closed());
        let (waiter, outcome) = oneshot::channel();
        waiters.push(waiter);
        outcome
    }

    fn waiters(&mut self, key: &Key) -> Vec<oneshot::Sender<()>> {
        if self.waiting.is_empty() { Vec::new() } else { self.waiting.remove(key).unwrap_or_default() }
    }

    fn forget_before(&mut self, start: Option<Instant>) {
        while let (Some(start), Some((_, _, at))) = (start, self.oldest.front())
            && *at < start
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((key, number, _)) = self.oldest.pop_front()
            && let Entry::Occupied(event) = self.events.entry(key)
            && *event.get() == State::Durable(number)
        {
            event.remove();
        }
    }
}

/// The duty to say how an event ended. Dropping it says: not durable.
pub struct Claim {
    memory: Option<Arc<Deduplication>>,
    key: Key,
}

impl Claim {
    /// Every record of the event is durable.
    pub fn durable(mut self, now: Instant) {
        if let Some(memory) = self.memory.take() {
            memory.remember(self.key, now);
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(memory) = self.memory.take() {
            memory.forget(self.key);
        }
    }
}

#[cfg(test)]
mod tests;
