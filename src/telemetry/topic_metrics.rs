//! Metrics of each topic.

use super::catalogue::{self, tags};
use super::labeled_metric::LabeledMetric;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::{AtomicI64, Ordering};

#[derive(Debug)]
pub(super) struct TopicMetrics {
    records: LabeledMetric<Counter>,
    circuit_opened: LabeledMetric<Counter>,
    circuit_open: LabeledMetric<Gauge>,
    backlog: LabeledMetric<Gauge>,
}

/// Resolved once because every record counts here.
#[derive(Debug, Default)]
pub struct TopicCounters {
    pub acked: Counter,
    pub spooled: Counter,
    pub failed: Counter,
    pub circuit_opened: Counter,
    pub circuit_open: GaugeShare,
    pub backlog: GaugeShare,
}

/// Share of one lane in a gauge. Topics that the settings do not name share one gauge.
#[derive(Debug, Default)]
pub struct GaugeShare {
    total: Gauge,
    share: AtomicI64,
}

impl GaugeShare {
    pub fn set(&self, share: u64) {
        let share = i64::try_from(share).unwrap_or(i64::MAX);
        self.total.inc_by(share - self.share.swap(share, Ordering::Relaxed));
    }
}

impl TopicMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        Self {
            records: LabeledMetric::register(registry, &catalogue::RECORDS),
            circuit_opened: LabeledMetric::register(registry, &catalogue::CIRCUIT_OPENED),
            circuit_open: LabeledMetric::register(registry, &catalogue::CIRCUIT_OPEN),
            backlog: LabeledMetric::register(registry, &catalogue::TOPIC_BACKLOG),
        }
    }

    pub(super) fn of(&self, topic: &str) -> TopicCounters {
        let [acked, spooled, failed] = [0, 1, 2].map(|index| self.records.of([topic, tags::RESULTS[index]]));
        let share = |metric: &LabeledMetric<Gauge>| GaugeShare {
            total: metric.of([topic]),
            share: AtomicI64::new(0),
        };
        TopicCounters {
            acked,
            spooled,
            failed,
            circuit_opened: self.circuit_opened.of([topic]),
            circuit_open: share(&self.circuit_open),
            backlog: share(&self.backlog),
        }
    }
}
