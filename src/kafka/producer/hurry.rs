//! Records that are nearly alone do not linger.
//!
//! `linger.ms` pays where many records are out; where one is, it is all that its sender waits for. The
//! library knows one way to send at once, a flush, during which it does not linger. What it is worth:
//! docs/PERFORMANCE.md, a lone request.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[cfg(test)]
mod tests;

/// With fewer records out than these, nothing is gained by waiting for more: so many requests an idempotent
/// producer has on their way at once.
pub(super) const FEW: usize = 5;

/// Whether few records have been out for a while. Under load they come and go together, so that few are
/// out again and again for a moment; a flush then would send each by itself.
pub(super) struct Calm {
    /// How many in a row were sent while few were out.
    sent: AtomicUsize,
}

/// So many in a row make it calm: twice what a burst begins with.
const CALM: usize = 2 * FEW;

impl Default for Calm {
    fn default() -> Self {
        Self { sent: AtomicUsize::new(CALM) }
    }
}

impl Calm {
    /// Takes in that a record was sent while so many others were out. Returns whether it is calm.
    pub(super) fn holds(&self, others: usize) -> bool {
        if others >= FEW {
            // Senders on other threads read it as often: written only where it changes.
            if self.sent.load(Ordering::Relaxed) != 0 {
                self.sent.store(0, Ordering::Relaxed);
            }
            return false;
        }
        self.sent.fetch_add(1, Ordering::Relaxed) >= CALM
    }
}

/// How long the library is kept from lingering: longer than a broker nearby takes for an answer. One that
/// takes longer has the record by then.
pub(super) const AT_MOST: Duration = Duration::from_millis(5);
