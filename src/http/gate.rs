//! The stop of the ingress, and the requests that it waits for.

use crate::telemetry::Metrics;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;
use tokio::sync::Notify;

/// State of the ingress that its stop needs, shared by all workers.
pub(super) struct Gate {
    /// Answers close their connections.
    closing: AtomicBool,
    /// Requests are answered 503.
    stopping: AtomicBool,
    in_flight: AtomicUsize,
    /// Notified when the last request in flight ends during a stop.
    settled: Notify,
    pub(super) metrics: Arc<Metrics>,
}

impl Gate {
    /// Returns the gate of an ingress that accepts requests.
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            closing: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            settled: Notify::new(),
            metrics,
        }
    }

    /// Closes each connection after its next answer, so that clients leave before the stop.
    pub(super) fn close_connections(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }

    /// Returns whether answers close their connections.
    pub(super) fn closes_connections(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Refuses requests from now on.
    pub(super) fn stop(&self) {
        self.close_connections();
        self.stopping.store(true, Ordering::SeqCst);
    }

    /// Returns whether requests are refused. Counting a request comes first, so that the stop sees it.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Waits until no request is in flight. Call it after [`Gate::stop`].
    pub(super) async fn settled(&self) {
        loop {
            let settled = self.settled.notified();
            if self.in_flight.load(Ordering::SeqCst) == 0 {
                return;
            }
            settled.await;
        }
    }

    /// Counts a request. [`Gate::leave`] ends it.
    pub(super) fn enter(&self) {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        self.metrics.in_flight_requests.inc();
    }

    /// Ends a request that began at `since`.
    pub(super) fn leave(&self, since: Instant) {
        self.metrics.in_flight_requests.dec();
        self.metrics.request_seconds.observe(since.elapsed());
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
        let gate = Gate::new(Arc::new(Metrics::new()));
        gate.metrics.in_flight_requests.inc();
        gate.enter();
        gate.stop();
        assert!(gate.settled().now_or_never().is_none());
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            tokio::join!(gate.settled(), async {
                tokio::task::yield_now().await;
                gate.leave(Instant::now());
            });
        });
        assert!(gate.settled().now_or_never().is_some());
    }
}
