//! Slow start: limits the rows in flight of each partition, so that a stuck one holds few.

use super::STUCK_AGE_MS;

/// Rows in flight before the first acknowledgement.
const MIN_IN_FLIGHT: usize = 4;

/// Added for each acknowledgement: four times as many after each round trip.
const GROWTH: usize = 3;

#[derive(Clone, Copy)]
pub(super) struct Pace {
    pub(super) allowance: usize,
    /// Time of the last acknowledgement since the partition was stuck, in milliseconds since 1970.
    proven_ms: Option<i64>,
    /// Time of the last acknowledgement since the last probe, in milliseconds since 1970.
    pub(super) acknowledged_ms: Option<i64>,
    pub(super) acknowledged: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { allowance: MIN_IN_FLIGHT, proven_ms: None, acknowledged_ms: None, acknowledged: 0 }
    }
}

impl Pace {
    /// Returns whether the partition acknowledged a row shortly before, and was not stuck since.
    pub(super) fn was_proven_at(self, time_ms: i64) -> bool {
        self.proven_ms.is_some_and(|proven_ms| time_ms.saturating_sub(proven_ms) < STUCK_AGE_MS)
    }

    pub(super) fn acknowledge(&mut self, now_ms: i64) {
        self.acknowledged += 1;
        self.allowance = self.allowance.saturating_add(GROWTH);
        self.proven_ms = Some(now_ms);
        self.acknowledged_ms = Some(now_ms);
    }

    pub(super) fn restart(&mut self) {
        self.allowance = MIN_IN_FLIGHT;
        self.proven_ms = None;
    }
}
