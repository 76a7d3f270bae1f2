//! Count of the records that precede a new one of a lane.

use crate::spool::RowId;

#[derive(Debug, Default)]
pub(super) struct LaneBacklog {
    /// Records in the spool or being appended that Kafka has not acknowledged. Never too low. Too high after
    /// a loss of rows, until [`Lane::ended`](super::Lane::ended).
    pub(super) records: u64,
    pub(super) joining: u64,
    /// Last committed row.
    pub(super) newest: RowId,
    /// Last row whose report may not reach a drain.
    pub(super) unreported: RowId,
    /// First and last row of a restored file, until the drain reads them.
    pub(super) restored: Option<(RowId, RowId)>,
}

impl LaneBacklog {
    pub(super) fn leave(&mut self) {
        debug_assert_ne!(self.records, 0, "a record leaves a backlog that never had it");
        self.records = self.records.saturating_sub(1);
    }
}
