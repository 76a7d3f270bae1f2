use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Limit on the bytes of all events in flight. A [`Permit`] lives from the first byte of a body until the
/// last delivery report, so memory does not grow during an outage.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    used: AtomicUsize,
}

impl Budget {
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0) })
    }

    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.limit.saturating_sub(self.used()) >= bytes
    }

    /// `None`: the limit would be exceeded.
    pub fn admit(self: &Arc<Self>, bytes: usize) -> Option<Permit> {
        let mut permit = Permit { budget: Arc::clone(self), bytes: 0 };
        permit.grow(bytes).then_some(permit)
    }
}

/// Bytes of a budget, released on drop.
#[derive(Debug)]
pub struct Permit {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Permit {
    /// Returns `false` if the limit would be exceeded.
    pub fn grow(&mut self, more: usize) -> bool {
        let admitted = self
            .budget
            .used
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |used| {
                used.checked_add(more).filter(|total| *total <= self.budget.limit)
            })
            .is_ok();
        if admitted {
            self.bytes += more;
        }
        admitted
    }

    pub fn shrink_to(&mut self, bytes: usize) {
        let released = self.bytes.saturating_sub(bytes);
        self.bytes -= released;
        self.budget.used.fetch_sub(released, Ordering::AcqRel);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budget_admits_up_to_its_limit_and_reclaims_dropped_permits() {
        let budget = Budget::new(100);
        let mut first = budget.admit(60).expect("room");
        assert!(budget.admit(41).is_none());
        assert!(first.grow(40), "exactly full");
        assert!(!first.grow(1));
        assert_eq!(budget.used(), 100);
        drop(first);
        assert_eq!(budget.used(), 0);
        assert!(budget.admit(usize::MAX).is_none(), "a sum that overflows is no room");
    }
}
