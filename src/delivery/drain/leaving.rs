//! Rows that leave a backlog without reaching their topic.

use super::{Drain, TRY_AGAIN};
use crate::delivery::lane::Told;
use crate::delivery::{Failure, dead_letter, stored};
use crate::spool::{Entry, RowId};
use std::sync::Arc;
use tokio::time::sleep;

impl Drain {
    /// Makes a record that no retry can help a dead letter, in one transaction. What the dead-letter
    /// topic itself refuses is set aside in the spool: it is never dropped.
    pub(super) fn give_up(&self, row: RowId, failure: Failure) {
        let dead_letters = &self.shared.dead_letters;
        if self.lane.topic() == dead_letters.topic() {
            tracing::error!(row = row.0, %failure, "the dead-letter topic refuses a record; it is set aside in the spool");
            self.shared.spool.park(row, Box::new(self.tells(move |parked| Told::Moved(row, parked))));
            return;
        }
        let Some(record) = self.window.record(row) else { return };
        tracing::error!(topic = %self.lane.topic(), %failure, "Kafka refuses a record for good; it becomes a dead letter");
        let letter = dead_letter::of_refused(dead_letters.topic(), record, failure);
        let entry = Entry {
            lane: Arc::clone(dead_letters.topic()),
            payload: stored::encode(&letter),
            handed_over: false,
            max_lane_bytes: None,
        };
        dead_letters.joins_backlog();
        let (moved, dead_letters) =
            (self.tells(move |moved| Told::Moved(row, moved)), Arc::clone(dead_letters));
        let metrics = Arc::clone(&self.shared.metrics);
        self.shared.spool.replace(
            row,
            entry,
            Box::new(move |appended| {
                dead_letters.joined_backlog(appended.ok().and_then(|rows| rows.first().copied()));
                if appended.is_ok() {
                    metrics.rejected(dead_letter::reason_of(failure));
                }
                moved(appended.is_ok());
            }),
        );
    }

    /// Sets a row aside that was never in hand.
    pub(super) fn set_aside(&self, row: RowId) {
        self.shared.spool.park(row, Box::new(self.tells(move |parked| Told::SetAside(row, parked))));
    }

    /// Tells the drain whether a row is elsewhere now: if not, after a pause, for it tries again.
    fn tells<T>(&self, told: T) -> impl FnOnce(bool) + Send + use<T>
    where
        T: FnOnce(bool) -> Told + Send + 'static,
    {
        let (lane, runtime) = (Arc::clone(&self.lane), self.shared.runtime.clone());
        move |moved| {
            let told = told(moved);
            if moved {
                return lane.tell(told);
            }
            runtime.spawn(async move {
                sleep(TRY_AGAIN).await;
                lane.tell(told);
            });
        }
    }
}
