//! Supervisor thread: polls the client and replaces it when it fails. Purged records may already be in Kafka.

use super::POLL_TIMEOUT;
use super::active_client::ActiveClient;
use super::client_instance::{ClientFactory, ClientFault, ClientInstance};
use crate::backoff::{Backoff, jitter};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time for a retired client's last reports, which depend only on librdkafka's threads.
const RETIRE_TIMEOUT: Duration = Duration::from_secs(10);

const STOP_TIMEOUT: Duration = Duration::from_millis(500);

const MIN_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(10);

pub(super) struct Supervisor {
    active: Arc<ActiveClient>,
    factory: ClientFactory,
    backoff: Backoff,
    /// Metrics tag of the last fault.
    reason: &'static str,
}

impl Supervisor {
    pub(super) fn new(active: Arc<ActiveClient>, factory: ClientFactory) -> Self {
        Self { active, factory, backoff: Backoff::new(MIN_BACKOFF, MAX_BACKOFF), reason: "" }
    }

    pub(super) fn run(mut self) {
        while !self.active.stopping() {
            match self.active.instance() {
                Some(instance) => self.serve(&instance),
                None => self.replace(),
            }
        }
        // Otherwise, librdkafka would wait for records that no caller waits for.
        self.retire(STOP_TIMEOUT);
    }

    fn serve(&mut self, instance: &ClientInstance) {
        let fault = instance.serve(POLL_TIMEOUT);
        self.factory
            .metrics
            .kafka_queue_records
            .set(i64::try_from(instance.unreported()).unwrap_or(i64::MAX));
        if instance.acknowledged() {
            self.backoff.reset();
        }
        if let Some(fault) = fault {
            self.warn(&fault, instance.unreported());
            self.reason = fault.tag();
            self.retire(RETIRE_TIMEOUT);
        }
    }

    fn warn(&self, fault: &ClientFault, unreported: usize) {
        tracing::warn!(reason = %fault, unreported, "the producer is being replaced");
    }

    fn retire(&self, timeout: Duration) {
        self.active.close();
        let Some(instance) = self.active.instance() else { return };
        let left = instance.abandon(timeout);
        if left > 0 {
            tracing::warn!(left, "the retired producer did not report all records in time");
        }
        self.active.change(None);
        self.factory.metrics.kafka_queue_records.set(0);
    }

    fn replace(&mut self) {
        let wait = self.backoff.next_jittered(jitter());
        self.sleep(wait);
        if self.active.stopping() {
            return;
        }
        match self.factory.make() {
            Ok(instance) => {
                self.active.change(Some(Arc::new(instance)));
                self.factory.metrics.producer_replaced(self.reason);
                let replacements = self.active.count_replacement();
                tracing::warn!(replacements, waited = ?wait, "the producer was replaced");
            }
            Err(error) => tracing::warn!(%error, "cannot create a new producer; retrying"),
        }
    }

    fn sleep(&self, wait: Duration) {
        let deadline = Instant::now() + wait;
        while !self.active.stopping() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::park_timeout(left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::tags::PRODUCERS_REPLACED;

    #[test]
    fn every_fault_has_its_tag_in_the_metrics() {
        let faults = [
            ClientFault::Fatal(String::new()),
            ClientFault::Panicked,
            ClientFault::OtherCluster,
            ClientFault::Stalled,
            ClientFault::Outdated,
        ];
        let tags: Vec<_> = faults.iter().map(ClientFault::tag).collect();
        assert_eq!(tags, PRODUCERS_REPLACED[..PRODUCERS_REPLACED.len() - 1]);
        let metrics = crate::telemetry::Metrics::new();
        metrics.producer_replaced(ClientFault::Outdated.tag());
        let text = metrics.render(&crate::health::Readiness::default(), 0);
        assert!(text.contains("justcall_bridge_producers_replaced_total{reason=\"outdated\"} 1\n"), "{text}");
        assert!(text.contains("justcall_bridge_producers_replaced_total{reason=\"silent\"} 0\n"), "{text}");
    }
}
