//! Count of the records that precede a new one of a lane.

use crate::spool::RowId;

/// Backlog of a lane: the number of records that precede a new one, and the rows among them.
#[derive(Debug, Default)]
pub(super) struct LaneBacklog {
    /// Records in the spool or being appended, without those that Kafka has acknowledged since. Never too
    /// low. Too high after rows were lost, until [`Lane::ended`](super::Lane::ended).
    pub(super) records: u64,
    /// Records that are being appended to the spool.
    pub(super) joining: u64,
    /// Last row that was committed.
    pub(super) newest: RowId,
    /// Last row whose report may not reach a drain.
    pub(super) unreported: RowId,
    /// First and last row of a restored file, until the drain reads them.
    pub(super) restored: Option<(RowId, RowId)>,
}

impl LaneBacklog {
    /// Counts one record less.
    pub(super) fn leave(&mut self) {
        debug_assert_ne!(self.records, 0, "a record leaves a backlog that never had it");
        self.records = self.records.saturating_sub(1);
    }
}
