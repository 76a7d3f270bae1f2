//! Row and byte counts of a lane.

use super::limits::row_bytes;
use super::schema::pragma;
use rusqlite::Connection;
use std::sync::Arc;

/// An older file can be inspected.
const FIRST_VERSION_WITH_PARKED: u64 = 3;

/// Account of a lane, stored in the transaction of its rows.
#[derive(Debug, Clone)]
pub(super) struct LaneAccount {
    pub(super) id: i64,
    pub(super) name: Arc<str>,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) parked_rows: u64,
    pub(super) parked_bytes: u64,
    /// The stored account is older.
    pub(super) changed: bool,
}

impl LaneAccount {
    pub(super) fn new(id: i64, name: Arc<str>) -> Self {
        Self { id, name, rows: 0, bytes: 0, parked_rows: 0, parked_bytes: 0, changed: true }
    }

    /// Includes parked rows, because they stay on disk.
    pub(super) fn all_bytes(&self) -> u64 {
        self.bytes + self.parked_bytes
    }

    pub(super) fn park(&mut self, payload: usize) {
        self.parked_rows += 1;
        self.parked_bytes += row_bytes(payload);
        self.changed = true;
    }

    pub(super) fn forget_parked(&mut self) {
        (self.parked_rows, self.parked_bytes, self.changed) = (0, 0, true);
    }

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

pub(super) fn lanes(connection: &Connection) -> rusqlite::Result<Vec<LaneAccount>> {
    let has_parked = pragma(connection, "user_version")? >= FIRST_VERSION_WITH_PARKED;
    let parked = if has_parked { "parked_rows, parked_bytes" } else { "0, 0" };
    let mut statement = connection.prepare(&format!("SELECT id, name, rows, bytes, {parked} FROM lane"))?;
    let lanes = statement.query_map((), |row| {
        let name: String = row.get(1)?;
        let number = |column| row.get::<_, i64>(column).map(i64::unsigned_abs);
        Ok(LaneAccount {
            id: row.get(0)?,
            name: name.into(),
            rows: number(2)?,
            bytes: number(3)?,
            parked_rows: number(4)?,
            parked_bytes: number(5)?,
            changed: false,
        })
    })?;
    lanes.collect()
}
