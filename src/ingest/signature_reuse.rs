//! Detection of a signature that is used for too many events.

use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};

/// Largest number of events that one signature is expected to have.
///
/// The signed time has whole seconds, so that all events of one type in one second share a signature.
const MAX_USUAL_EVENTS: u32 = 10;

/// Largest number of signatures remembered, at about 60 bytes each. Only a sender that knows a secret can
/// replace one.
const MAX_SIGNATURES: usize = 10_000;

/// Number of events of each signature.
///
/// A signature does not cover `data`. Many bodies with one signature are a busy second, or forgeries from one
/// captured request.
#[derive(Default)]
pub(super) struct SignatureReuse(Mutex<SignatureCounts>);

#[derive(Default)]
struct SignatureCounts {
    events: HashMap<[u8; 16], u32>,
    /// From the oldest signature to the newest.
    order: VecDeque<[u8; 16]>,
}

impl SignatureReuse {
    /// Counts an event with this signature, and returns whether there are suspiciously many.
    pub(super) fn is_excessive(&self, signature: [u8; 16]) -> bool {
        let SignatureCounts { events, order } = &mut *self.0.lock();
        let count = events.entry(signature).or_insert_with(|| {
            order.push_back(signature);
            0
        });
        *count = count.saturating_add(1);
        let is_excessive = *count > MAX_USUAL_EVENTS;
        if order.len() > MAX_SIGNATURES
            && let Some(oldest) = order.pop_front()
        {
            events.remove(&oldest);
        }
        is_excessive
    }
}

#[cfg(test)]
mod tests;
