//! Number of connections that are open.

use crate::telemetry::Metrics;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The connections that are open.
#[derive(Debug, Clone)]
pub(super) struct Crowd(Arc<Counted>);

#[derive(Debug)]
struct Counted {
    open: AtomicUsize,
    metrics: Arc<Metrics>,
}

impl Crowd {
    /// Nobody is there yet.
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(Counted { open: AtomicUsize::new(0), metrics }))
    }

    /// Counts one more, until that value goes.
    pub(super) fn enter(&self) -> Open {
        self.0.open.fetch_add(1, Ordering::Relaxed);
        self.0.metrics.connections.inc();
        Open(self.clone())
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.open.load(Ordering::Relaxed)
    }
}

/// A connection that counts.
#[derive(Debug)]
pub(super) struct Open(Crowd);

impl Open {
    /// Counts why the connection ends before the handler has seen its request.
    pub(super) fn turned_away(&self, tag: &str) {
        self.0.0.metrics.turned_away(tag);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.open.fetch_sub(1, Ordering::Relaxed);
        self.0.0.metrics.connections.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_connection_no_longer_counts() {
        let crowd = Crowd::new(Arc::new(Metrics::new()));
        let (first, second) = (crowd.enter(), crowd.enter());
        assert_eq!(crowd.len(), 2);
        drop(first);
        assert_eq!(crowd.len(), 1);
        drop(second);
        assert_eq!(crowd.len(), 0);
    }
}
