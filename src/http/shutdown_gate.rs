//! Counts requests in flight, and refuses new ones during the stop.

use crate::telemetry::Metrics;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;
use tokio::sync::Notify;

/// Shared by all workers.
pub(super) struct ShutdownGate {
    is_closing: AtomicBool,
    is_stopping: AtomicBool,
    in_flight: AtomicUsize,
    settled: Notify,
    metrics: Arc<Metrics>,
}

impl ShutdownGate {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            is_closing: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            settled: Notify::new(),
            metrics,
        }
    }

    /// Clients disconnect before the stop.
    pub(super) fn close_connections(&self) {
        self.is_closing.store(true, Ordering::SeqCst);
    }

    pub(super) fn closes_connections(&self) -> bool {
        self.is_closing.load(Ordering::Relaxed)
    }

    pub(super) fn stop(&self) {
        self.close_connections();
        self.is_stopping.store(true, Ordering::SeqCst);
    }

    /// Count a request before this check, so that the stop waits for it.
    pub(super) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::SeqCst)
    }

    /// Call after [`ShutdownGate::stop`].
    pub(super) async fn settled(&self) {
        loop {
            let settled = self.settled.notified();
            if self.in_flight.load(Ordering::SeqCst) == 0 {
                return;
            }
            settled.await;
        }
    }

    pub(super) fn begin_request(&self) {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        self.metrics.in_flight_requests.inc();
    }

    pub(super) fn end_request(&self, since: Instant) {
        self.metrics.in_flight_requests.dec();
        self.metrics.request_duration_seconds.observe(since.elapsed());
        if self.in_flight.fetch_sub(1, Ordering::SeqCst) == 1 && self.is_stopping() {
            self.settled.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn stop_waits_for_requests_and_not_for_the_gauge() {
        let gate = ShutdownGate::new(Arc::new(Metrics::new()));
        gate.metrics.in_flight_requests.inc();
        gate.begin_request();
        gate.stop();
        assert!(gate.settled().now_or_never().is_none());
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            tokio::join!(gate.settled(), async {
                tokio::task::yield_now().await;
                gate.end_request(Instant::now());
            });
        });
        assert!(gate.settled().now_or_never().is_some());
    }
}
