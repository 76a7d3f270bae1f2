//! Shows what the spool holds: in metrics, for readiness, and in the log while it is sent on.

use super::Delivery;
use super::drain::Phase;
use crate::spool::Spool;
use crate::telemetry::{Metrics, SpoolState};
use chrono::Utc;
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::Instant;

const LOOK: Duration = Duration::from_millis(250);
/// How often the log tells of a backlog: that falls, and that does not.
const SAY: Duration = Duration::from_secs(5);
const SAY_AGAIN: Duration = Duration::from_secs(60);
const FORGET: Duration = Duration::from_secs(60);

/// Milliseconds since 1970.
pub(super) fn now_millis() -> i64 {
    Utc::now().timestamp_millis()
}

/// Goes on until delivery ends.
pub(super) fn show(
    delivery: &Arc<Delivery>,
    metrics: Arc<Metrics>,
    remember: Duration,
) -> impl Future<Output = ()> + Send + use<> {
    let (delivery, mut phase) = (Arc::downgrade(delivery), delivery.phase.subscribe());
    async move {
        let mut told = Told { at: Instant::now(), left: 0, drained: 0, waiting: None };
        let mut forgotten_at = Instant::now();
        while *phase.borrow_and_update() != Phase::Ended {
            let Some(delivery) = Weak::upgrade(&delivery) else { return };
            let held_up = delivery.lanes.load().values().filter(|lane| lane.is_held_up()).count();
            metrics.lanes_held_up.set(i64::try_from(held_up).unwrap_or(i64::MAX));
            if let Some(spool) = &delivery.spool {
                let drained = look(&delivery, spool, &metrics);
                if told.at.elapsed() >= SAY {
                    told.say(delivery.backlog(), drained);
                }
                if forgotten_at.elapsed() >= FORGET {
                    forgotten_at = Instant::now();
                    let window = i64::try_from(remember.as_millis()).unwrap_or(i64::MAX);
                    spool.forget_before(now_millis().saturating_sub(window));
                }
            }
            drop(delivery);
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                changed = phase.changed() => if changed.is_err() { return },
            }
        }
    }
}

/// Takes over the spool's figures. Returns how many rows were delivered so far.
fn look(delivery: &Delivery, spool: &Spool, metrics: &Metrics) -> u64 {
    let usage = spool.usage();
    let oldest = usage.oldest.map_or(0, |oldest| (now_millis() - oldest).max(0) / 1000);
    metrics.spool(
        [usage.rows, usage.bytes, usage.limit, oldest.unsigned_abs()],
        [usage.totals.appended, usage.totals.deleted, usage.totals.damaged],
    );
    delivery.readiness.set_spool(if usage.taking { SpoolState::Taking } else { SpoolState::Failing });
    usage.totals.deleted
}

/// What the log said last.
struct Told {
    at: Instant,
    left: u64,
    drained: u64,
    /// When it said that nothing moves.
    waiting: Option<Instant>,
}

impl Told {
    /// A line on what is left and how long it will take, while there is something.
    fn say(&mut self, left: u64, drained: u64) {
        let seconds = self.at.elapsed().as_secs_f64();
        let per_second = drained.saturating_sub(self.drained) as f64 / seconds;
        // What was appended meanwhile makes the backlog fall more slowly than it is drained.
        let falling = self.left.saturating_sub(left) as f64 / seconds;
        let mut waiting = None;
        if left > 0 && per_second >= 1.0 && falling > 0.0 {
            let remaining = format!("{:.0} s", left as f64 / falling);
            tracing::info!(left, per_second = per_second.round(), remaining, "draining the spool");
        } else if left > 0 {
            waiting = self.waiting.filter(|said| said.elapsed() < SAY_AGAIN);
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
