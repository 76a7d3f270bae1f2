//! Count of open connections.

use crate::telemetry::Metrics;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Shared by all workers.
#[derive(Debug, Clone)]
pub(super) struct ConnectionCount(Arc<OpenCount>);

#[derive(Debug)]
struct OpenCount {
    open: AtomicUsize,
    metrics: Arc<Metrics>,
}

impl ConnectionCount {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(OpenCount { open: AtomicUsize::new(0), metrics }))
    }

    pub(super) fn add(&self) -> ConnectionGuard {
        self.0.open.fetch_add(1, Ordering::Relaxed);
        self.0.metrics.connections.inc();
        ConnectionGuard(self.clone())
    }

    pub(super) fn get(&self) -> usize {
        self.0.open.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
pub(super) struct ConnectionGuard(ConnectionCount);

impl ConnectionGuard {
    /// Counts a connection that ends before the handler receives its request.
    pub(super) fn count_rejection(&self, tag: &str) {
        self.0.0.metrics.turned_away(tag);
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.0.0.open.fetch_sub(1, Ordering::Relaxed);
        self.0.0.metrics.connections.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_connection_is_not_counted() {
        let connections = ConnectionCount::new(Arc::new(Metrics::new()));
        let (first, second) = (connections.add(), connections.add());
        assert_eq!(connections.get(), 2);
        drop(first);
        assert_eq!(connections.get(), 1);
        drop(second);
        assert_eq!(connections.get(), 0);
    }
}
