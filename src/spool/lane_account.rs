//! Row and byte counts of a lane.

use super::limits::row_bytes;
use rusqlite::Connection;
use std::sync::Arc;

/// Account of a lane, stored in the same transaction as the rows.
#[derive(Debug, Clone)]
pub(super) struct LaneAccount {
    pub(super) id: i64,
    pub(super) name: Arc<str>,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// True if the stored account is older.
    pub(super) changed: bool,
}

impl LaneAccount {
    pub(super) fn add(&mut self, payload: usize) {
        self.rows += 1;
        self.bytes += row_bytes(payload);
        self.changed = true;
    }

    /// Stops at zero, because damaged accounts may be too low.
    pub(super) fn take(&mut self, payload: usize) {
        self.rows = self.rows.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(row_bytes(payload));
        self.changed = true;
    }
}

/// Returns the accounts of all lanes.
pub(super) fn lanes(connection: &Connection) -> rusqlite::Result<Vec<LaneAccount>> {
    let mut statement = connection.prepare("SELECT id, name, rows, bytes FROM lane")?;
    let lanes = statement.query_map((), |row| {
        let name: String = row.get(1)?;
        Ok(LaneAccount {
            id: row.get(0)?,
            name: name.into(),
            rows: row.get::<_, i64>(2)?.unsigned_abs(),
            bytes: row.get::<_, i64>(3)?.unsigned_abs(),
            changed: false,
        })
    })?;
    lanes.collect()
}
