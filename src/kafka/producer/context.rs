use super::statistics::StatisticsTotals;
use crate::kafka::client_context::ErrorLogContext;
use crate::telemetry::Metrics;
use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) struct ProducerContext {
    client: ErrorLogContext,
    metrics: Arc<Metrics>,
    other_cluster: AtomicBool,
    totals: Mutex<StatisticsTotals>,
}

impl ProducerContext {
    pub(super) fn new(client: ErrorLogContext, metrics: Arc<Metrics>) -> Self {
        Self { client, metrics, other_cluster: AtomicBool::new(false), totals: Mutex::default() }
    }

    pub(super) fn is_other_cluster(&self) -> bool {
        self.other_cluster.load(Ordering::Acquire)
    }
}

impl ClientContext for ProducerContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // Only logged; a request for the cluster id leaks memory.
        if facility == "CLUSTERID" && message.contains("different ClusterId") {
            self.other_cluster.store(true, Ordering::Release);
        }
        self.client.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.client.error(error, reason);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        let mut totals = self.totals.lock();
        if let Some(figures) = totals.read(statistics) {
            self.metrics.update_kafka_client(&figures);
        }
    }
}
