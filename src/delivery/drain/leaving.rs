//! Rows that leave a backlog without delivery to their topic.

use super::{Drain, SPOOL_RETRY_INTERVAL};
use crate::delivery::lane::DrainEvent;
use crate::delivery::{RecordFailure, dead_letter, record_codec};
use crate::spool::{RowId, SpoolEntry};
use std::sync::Arc;
use tokio::time::{Instant, sleep};

impl Drain {
    /// Replaces a record that no retry can deliver by its dead letter, in one transaction. If the dead-letter
    /// topic refuses it, the record is set aside in the spool, never dropped.
    pub(super) fn to_dead_letter(&self, row: RowId, failure: RecordFailure) {
        let dead_letters = &self.shared.dead_letters;
        if self.lane.topic() == dead_letters.topic() {
            if let Some(suppressed) = self.refused_log.pass(Instant::now().into_std()) {
                tracing::error!(row = row.0, %failure, suppressed, "the dead-letter topic refuses a record; it is set aside in the spool");
            }
            self.shared
                .spool
                .park(row, Box::new(self.callback(move |parked| DrainEvent::Moved(row, parked))));
            return;
        }
        let Some(record) = self.window.record(row) else { return };
        if let Some(suppressed) = self.refused_log.pass(Instant::now().into_std()) {
            tracing::error!(topic = %self.lane.topic(), %failure, suppressed, "Kafka refuses a record for good; it becomes a dead letter");
        }
        let letter = dead_letter::of_refused(dead_letters.topic(), record, failure);
        let entry = SpoolEntry {
            lane: Arc::clone(dead_letters.topic()),
            payload: record_codec::encode(&letter),
            handed_over: false,
            max_lane_bytes: None,
        };
        dead_letters.begin_append();
        let (moved, dead_letters) =
            (self.callback(move |moved| DrainEvent::Moved(row, moved)), Arc::clone(dead_letters));
        let metrics = Arc::clone(&self.shared.metrics);
        self.shared.spool.replace(
            row,
            entry,
            Box::new(move |appended| {
                dead_letters.end_append(appended.ok().and_then(|rows| rows.first().copied()));
                if appended.is_ok() {
                    metrics.rejected(dead_letter::reason_of(failure));
                }
                moved(appended.is_ok());
            }),
        );
    }

    /// Sets a row aside that is not in the window.
    pub(super) fn set_aside(&self, row: RowId) {
        self.shared.spool.park(row, Box::new(self.callback(move |parked| DrainEvent::SetAside(row, parked))));
    }

    /// Returns a callback that reports to the drain whether a row was moved, a failure only after a pause,
    /// because the drain then retries.
    fn callback<T>(&self, event: T) -> impl FnOnce(bool) + Send + use<T>
    where
        T: FnOnce(bool) -> DrainEvent + Send + 'static,
    {
        let (lane, runtime) = (Arc::clone(&self.lane), self.shared.runtime.clone());
        move |moved| {
            let event = event(moved);
            if moved {
                return lane.notify_drain(event);
            }
            runtime.spawn(async move {
                sleep(SPOOL_RETRY_INTERVAL).await;
                lane.notify_drain(event);
            });
        }
    }
}
