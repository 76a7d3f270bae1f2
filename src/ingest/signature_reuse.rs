use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};

/// The signed time has whole seconds, so all events of one type in one second share a signature.
const MAX_USUAL_EVENTS: u32 = 10;

/// At about 60 bytes each. Only a sender that knows a secret can replace one.
const MAX_SIGNATURES: usize = 10_000;

/// Events of each signature, which does not cover `data`. Many bodies with one signature are a busy second,
/// or forgeries from one captured request.
#[derive(Default)]
pub(super) struct SignatureReuse(Mutex<SignatureCounts>);

#[derive(Default)]
struct SignatureCounts {
    events: HashMap<[u8; 16], u32>,
    /// Oldest first.
    order: VecDeque<[u8; 16]>,
}

impl SignatureReuse {
    /// Counts an event, and returns whether its signature has suspiciously many.
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
mod tests {
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
}
