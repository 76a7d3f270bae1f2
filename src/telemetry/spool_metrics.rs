//! Metrics of the spool.

use super::catalogue;
use super::registry::register;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Counts are totals since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpoolFigures {
    pub rows: u64,
    /// On disk.
    pub bytes: u64,
    pub limit_bytes: u64,
    pub oldest_age_seconds: u64,
    pub appended: u64,
    /// Records deleted after Kafka acknowledged them.
    pub drained: u64,
    pub damaged: u64,
    pub parked: u64,
    /// Events.
    pub refused: u64,
}

#[derive(Debug)]
pub(super) struct SpoolMetrics {
    rows: Gauge,
    bytes: Gauge,
    limit_bytes: Gauge,
    oldest_age_seconds: Gauge,
    appended: Counter,
    drained: Counter,
    damaged: Counter,
    parked: Counter,
    refused: Counter,
}

impl SpoolMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        Self {
            rows: register(registry, &catalogue::SPOOL_ROWS, Gauge::default()),
            bytes: register(registry, &catalogue::SPOOL_BYTES, Gauge::default()),
            limit_bytes: register(registry, &catalogue::SPOOL_LIMIT, Gauge::default()),
            oldest_age_seconds: register(registry, &catalogue::SPOOL_OLDEST, Gauge::default()),
            appended: register(registry, &catalogue::SPOOL_APPENDED, Counter::default()),
            drained: register(registry, &catalogue::SPOOL_DRAINED, Counter::default()),
            damaged: register(registry, &catalogue::SPOOL_DAMAGED, Counter::default()),
            parked: register(registry, &catalogue::SPOOL_PARKED, Counter::default()),
            refused: register(registry, &catalogue::SPOOL_REFUSED, Counter::default()),
        }
    }

    /// Never decreases a counter.
    pub(super) fn update(&self, figures: &SpoolFigures) {
        let set = |gauge: &Gauge, figure: u64| gauge.set(i64::try_from(figure).unwrap_or(i64::MAX));
        set(&self.rows, figures.rows);
        set(&self.bytes, figures.bytes);
        set(&self.limit_bytes, figures.limit_bytes);
        set(&self.oldest_age_seconds, figures.oldest_age_seconds);
        let raise = |counter: &Counter, total: u64| counter.inc_by(total.saturating_sub(counter.get()));
        raise(&self.appended, figures.appended);
        raise(&self.drained, figures.drained);
        raise(&self.damaged, figures.damaged);
        raise(&self.parked, figures.parked);
        raise(&self.refused, figures.refused);
    }
}
