//! Monitor of the spool and the lanes: metrics, readiness and log lines.

use super::Delivery;
use super::clock::now_millis;
use super::drain::Phase;
use crate::health::SpoolState;
use crate::spool::Spool;
use crate::telemetry::{Metrics, SpoolFigures};
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::Instant;

const UPDATE_INTERVAL: Duration = Duration::from_millis(250);
/// Intervals between log lines on a backlog that decreases, and on one that does not.
const LOG_INTERVAL: Duration = Duration::from_secs(5);
const STALLED_LOG_INTERVAL: Duration = Duration::from_secs(60);

pub(super) fn show(
    delivery: &Arc<Delivery>,
    metrics: Arc<Metrics>,
) -> impl Future<Output = ()> + Send + use<> {
    let (delivery, mut phase) = (Arc::downgrade(delivery), delivery.phase.subscribe());
    async move {
        let mut log = BacklogLog { at: Instant::now(), left: 0, drained: 0, waiting: None };
        while *phase.borrow_and_update() != Phase::Ended {
            let Some(delivery) = Weak::upgrade(&delivery) else { return };
            show_lanes(&delivery, &metrics);
            if let Some(spool) = &delivery.spool {
                let drained = look(&delivery, spool, &metrics);
                if log.at.elapsed() >= LOG_INTERVAL {
                    log.say(delivery.backlog(), drained);
                }
            }
            drop(delivery);
            tokio::select! {
                () = tokio::time::sleep(UPDATE_INTERVAL) => {}
                changed = phase.changed() => if changed.is_err() { return },
            }
        }
    }
}

fn show_lanes(delivery: &Delivery, metrics: &Metrics) {
    let lanes = delivery.lanes.load();
    lanes.values().for_each(|lane| lane.show());
    let open = lanes.values().filter(|lane| lane.is_circuit_open()).count();
    metrics.topic_circuits_open.set(i64::try_from(open).unwrap_or(i64::MAX));
}

/// Publishes the figures of the spool. Returns the number of rows delivered so far.
fn look(delivery: &Delivery, spool: &Spool, metrics: &Metrics) -> u64 {
    let usage = spool.usage();
    let totals = usage.totals;
    let oldest = usage.oldest.map_or(0, |oldest| (now_millis() - oldest).max(0) / 1000);
    metrics.update_spool(&SpoolFigures {
        rows: usage.rows,
        bytes: usage.bytes,
        limit_bytes: usage.limit,
        oldest_age_seconds: oldest.unsigned_abs(),
        appended: totals.appended,
        drained: totals.deleted,
        damaged: totals.damaged,
        parked: totals.parked,
        refused: totals.refused,
    });
    delivery.readiness.set_spool(if usage.is_accepting {
        SpoolState::Accepting
    } else {
        SpoolState::Failing
    });
    totals.deleted
}

struct BacklogLog {
    at: Instant,
    left: u64,
    drained: u64,
    /// Time of the last line on a backlog that does not decrease.
    waiting: Option<Instant>,
}

impl BacklogLog {
    /// Logs the size of the backlog and the estimated time until it is empty.
    fn say(&mut self, left: u64, drained: u64) {
        let seconds = self.at.elapsed().as_secs_f64();
        let per_second = drained.saturating_sub(self.drained) as f64 / seconds;
        // New records make the backlog decrease more slowly than it is drained.
        let falling = self.left.saturating_sub(left) as f64 / seconds;
        let mut waiting = None;
        if left > 0 && per_second >= 1.0 && falling > 0.0 {
            let remaining = format!("{:.0} s", left as f64 / falling);
            tracing::info!(left, per_second = per_second.round(), remaining, "draining the spool");
        } else if left > 0 {
            waiting = self.waiting.filter(|said| said.elapsed() < STALLED_LOG_INTERVAL);
            if waiting.is_none() {
                tracing::warn!(left, per_second = per_second.round(), "records wait in the spool");
                waiting = Some(Instant::now());
            }
        } else if self.left > 0 {
            tracing::info!("the spool is drained");
        }
        *self = Self { at: Instant::now(), left, drained, waiting };
    }
}
