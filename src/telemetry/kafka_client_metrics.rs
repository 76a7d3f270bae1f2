//! Metrics from librdkafka's statistics.

use super::catalogue;
use super::labeled_metric::LabeledMetric;
use super::registry::register;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ClientFigures {
    pub queue_bytes: u64,
    /// Brokers by state of the connection, in the order of [`super::tags::BROKERS`].
    pub brokers: [u64; 5],
    /// Round-trip time to the slowest broker.
    pub slowest_rtt: Duration,
    /// Longest time that a broker throttled the client.
    pub throttle: Duration,
    /// Since the previous report.
    pub disconnects: u64,
    /// Since the previous report.
    pub request_errors: u64,
}

#[derive(Debug)]
pub(super) struct KafkaClientMetrics {
    queue_bytes: Gauge,
    brokers: Vec<(&'static str, Gauge)>,
    slowest_rtt: Gauge<f64, AtomicU64>,
    throttle: Gauge<f64, AtomicU64>,
    disconnects: Counter,
    request_errors: Counter,
}

impl KafkaClientMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        Self {
            queue_bytes: register(registry, &catalogue::QUEUE_BYTES, Gauge::default()),
            brokers: LabeledMetric::register(registry, &catalogue::BROKERS).each(),
            slowest_rtt: register(registry, &catalogue::SLOWEST_RTT, Gauge::default()),
            throttle: register(registry, &catalogue::THROTTLE, Gauge::default()),
            disconnects: register(registry, &catalogue::DISCONNECTS, Counter::default()),
            request_errors: register(registry, &catalogue::REQUEST_ERRORS, Counter::default()),
        }
    }

    pub(super) fn update(&self, figures: &ClientFigures) {
        self.queue_bytes.set(i64::try_from(figures.queue_bytes).unwrap_or(i64::MAX));
        for ((_, gauge), brokers) in self.brokers.iter().zip(figures.brokers) {
            gauge.set(i64::try_from(brokers).unwrap_or(i64::MAX));
        }
        self.slowest_rtt.set(figures.slowest_rtt.as_secs_f64());
        self.throttle.set(figures.throttle.as_secs_f64());
        self.disconnects.inc_by(figures.disconnects);
        self.request_errors.inc_by(figures.request_errors);
    }
}
