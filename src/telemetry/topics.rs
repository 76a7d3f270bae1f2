//! What is shown of each topic.

use super::catalogue::{self, tags};
use super::series::Series;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::{AtomicI64, Ordering};

/// The metrics that have a series for each topic.
#[derive(Debug)]
pub(super) struct TopicFamilies {
    records: Series<Counter>,
    hold_ups: Series<Counter>,
    held_up: Series<Gauge>,
    backlog: Series<Gauge>,
}

/// What is counted of one topic: resolved once, for every record counts here.
#[derive(Debug, Default)]
pub struct TopicCounters {
    /// Records that Kafka acknowledged.
    pub acked: Counter,
    /// Records that were written to the spool.
    pub spooled: Counter,
    /// Tries that failed.
    pub failed: Counter,
    /// Times that the breaker opened.
    pub hold_ups: Counter,
    /// 1 while the breaker is open.
    pub held_up: Part,
    /// Records that wait in the spool.
    pub backlog: Part,
}

/// One lane's part of a gauge: those of topics that the settings do not name share one.
#[derive(Debug, Default)]
pub struct Part {
    whole: Gauge,
    part: AtomicI64,
}

impl Part {
    /// The part is this now.
    pub fn set(&self, part: u64) {
        let part = i64::try_from(part).unwrap_or(i64::MAX);
        self.whole.inc_by(part - self.part.swap(part, Ordering::Relaxed));
    }
}

impl TopicFamilies {
    pub(super) fn register(registry: &mut Registry) -> Self {
        Self {
            records: Series::register(registry, &catalogue::RECORDS),
            hold_ups: Series::register(registry, &catalogue::LANE_HOLD_UPS),
            held_up: Series::register(registry, &catalogue::LANE_HELD_UP),
            backlog: Series::register(registry, &catalogue::LANE_BACKLOG),
        }
    }

    pub(super) fn of(&self, topic: &str) -> TopicCounters {
        let [acked, spooled, failed] = [0, 1, 2].map(|index| self.records.of([topic, tags::RESULTS[index]]));
        let part = |series: &Series<Gauge>| Part { whole: series.of([topic]), part: AtomicI64::new(0) };
        TopicCounters {
            acked,
            spooled,
            failed,
            hold_ups: self.hold_ups.of([topic]),
            held_up: part(&self.held_up),
            backlog: part(&self.backlog),
        }
    }
}
