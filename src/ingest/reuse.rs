//! How many events came with one signature.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

#[cfg(test)]
mod tests;

/// Events under one signature that nobody need wonder at: the signed time has whole seconds, so that
/// all events of one type in one second share a signature rightfully.
const USUAL: u32 = 10;

/// Signatures remembered, at some 60 bytes each. Only who knows a secret can push one out.
const CAPACITY: usize = 10_000;

/// Counts events by their signature, which does not cover what they say: one signature with many
/// bodies is a busy second, or somebody who caught one request and makes up the rest.
#[derive(Default)]
pub(super) struct Reuse(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    events: HashMap<[u8; 16], u32>,
    /// From the oldest signature to the newest.
    order: VecDeque<[u8; 16]>,
}

impl Reuse {
    /// Counts one more event with that signature, and says whether there are suspiciously many.
    pub(super) fn is_excessive(&self, signature: [u8; 16]) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Seen { events, order } = &mut *seen;
        let count = events.entry(signature).or_insert_with(|| {
            order.push_back(signature);
            0
        });
        *count = count.saturating_add(1);
        let is_excessive = *count > USUAL;
        if order.len() > CAPACITY
            && let Some(oldest) = order.pop_front()
        {
            events.remove(&oldest);
        }
        is_excessive
    }
}
