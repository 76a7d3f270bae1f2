//! What is shown of each topic.

use super::catalogue::{self, tags};
use super::metrics::register;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::{AtomicI64, Ordering};

type Labels<const N: usize> = [(&'static str, String); N];

/// The metrics that have a series for each topic.
#[derive(Debug)]
pub(super) struct TopicFamilies {
    records: Family<Labels<2>, Counter>,
    hold_ups: Family<Labels<1>, Counter>,
    held_up: Family<Labels<1>, Gauge>,
    backlog: Family<Labels<1>, Gauge>,
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
            records: register(registry, &catalogue::RECORDS, Family::default()),
            hold_ups: register(registry, &catalogue::LANE_HOLD_UPS, Family::default()),
            held_up: register(registry, &catalogue::LANE_HELD_UP, Family::default()),
            backlog: register(registry, &catalogue::LANE_BACKLOG, Family::default()),
        }
    }

    pub(super) fn of(&self, topic: &str) -> TopicCounters {
        let records = |index: usize| {
            let labels = [("topic", topic.to_owned()), ("result", tags::RESULTS[index].to_owned())];
            self.records.get_or_create_owned(&labels)
        };
        let labels = [("topic", topic.to_owned())];
        let part = |family: &Family<Labels<1>, Gauge>| Part {
            whole: family.get_or_create_owned(&labels),
            part: AtomicI64::new(0),
        };
        TopicCounters {
            acked: records(0),
            spooled: records(1),
            failed: records(2),
            hold_ups: self.hold_ups.get_or_create_owned(&labels),
            held_up: part(&self.held_up),
            backlog: part(&self.backlog),
        }
    }
}
