//! One budget in bytes for everything admitted and not yet settled.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Admits bytes up to a limit.
///
/// A [`Permit`] is held from a body's first byte until Kafka's delivery report for the event's last
/// record, so that memory does not grow with an outage.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    used: AtomicUsize,
}

impl Budget {
    /// A budget of `limit` bytes.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0) })
    }

    /// Bytes held by permits now.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Returns whether `bytes` would be admitted now.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.limit.saturating_sub(self.used()) >= bytes
    }

    /// Admits `bytes`, or `None` where that would exceed the limit.
    pub fn admit(self: &Arc<Self>, bytes: usize) -> Option<Permit> {
        let mut permit = Permit { budget: Arc::clone(self), bytes: 0 };
        permit.grow(bytes).then_some(permit)
    }
}

/// Admitted bytes, given back on drop.
#[derive(Debug)]
pub struct Permit {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Permit {
    /// Admits `more` bytes under this permit; `false` where that would exceed the limit.
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

    /// Gives back all but `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        let back = self.bytes.saturating_sub(bytes);
        self.bytes -= back;
        self.budget.used.fetch_sub(back, Ordering::AcqRel);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}
