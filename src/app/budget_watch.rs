//! Readiness of the memory budget: not ready while the budget stays full.

use crate::health::Readiness;
use crate::http::REQUEST_OVERHEAD;
use crate::ingest::Budget;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// From the end of a body to its response; `kafka.ack_deadline` is at most this.
const MAX_DELIVERY: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
struct FullSince(Option<Instant>);

impl FullSince {
    fn observe(&mut self, is_full: bool, now: Instant, longest: Duration) -> bool {
        if !is_full {
            self.0 = None;
            return false;
        }
        now.duration_since(*self.0.get_or_insert(now)) > longest
    }
}

/// Never returns.
pub(super) async fn watch_budget(budget: Arc<Budget>, readiness: Arc<Readiness>, request_timeout: Duration) {
    let mut full = FullSince::default();
    loop {
        let is_full = !budget.has_room(REQUEST_OVERHEAD);
        readiness.set_budget_stuck(full.observe(is_full, Instant::now(), request_timeout + MAX_DELIVERY));
        sleep(WATCH_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(90);

    #[test]
    fn budget_is_stuck_only_after_the_longest_request() {
        let (mut full, start) = (FullSince::default(), Instant::now());
        assert!(!full.observe(true, start, LONGEST));
        assert!(!full.observe(true, start + LONGEST, LONGEST));
        assert!(full.observe(true, start + LONGEST + WATCH_INTERVAL, LONGEST));
        assert!(!full.observe(false, start + 2 * LONGEST, LONGEST));
        assert!(!full.observe(true, start + 3 * LONGEST, LONGEST));
    }

    #[tokio::test(start_paused = true)]
    async fn full_budget_ends_readiness_and_room_restores_it() {
        let (budget, readiness) = (Budget::new(REQUEST_OVERHEAD), Arc::new(Readiness::new()));
        readiness.set_state(crate::health::LifecycleState::Serving);
        readiness.kafka_up();
        let permit = budget.admit(1).expect("room");
        let watch = tokio::spawn(watch_budget(Arc::clone(&budget), Arc::clone(&readiness), LONGEST));
        sleep(LONGEST).await;
        assert!(readiness.is_ready());
        sleep(MAX_DELIVERY + 3 * WATCH_INTERVAL).await;
        assert!(!readiness.is_ready());
        drop(permit);
        sleep(2 * WATCH_INTERVAL).await;
        assert!(readiness.is_ready());
        watch.abort();
    }
}
