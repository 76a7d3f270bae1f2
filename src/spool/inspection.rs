//! Read-only view of a spool, beside a running bridge or without one.

use super::files::SpoolFiles;
use super::lane_account::lanes;
use super::schema::open_for_reading;
use super::stored_row::{checksum, stored_row};
use super::{OpenError, ReadError, RowId};
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A bridge on a full disk has the database to itself.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Holds no lock between two calls.
pub(crate) struct Inspection {
    connection: Connection,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LaneStatus {
    pub name: Arc<str>,
    pub rows: u64,
    /// Payloads plus 64 for each row.
    pub bytes: u64,
    /// Append of the oldest row, in milliseconds since 1970.
    pub oldest: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InspectedRow {
    /// Empty if it is lost.
    pub lane: Arc<str>,
    pub id: RowId,
    /// Milliseconds since 1970.
    pub appended_at: i64,
    pub payload: Bytes,
    /// The checksum is right.
    pub intact: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowSelection {
    Waiting,
    /// Damaged or parked.
    SetAside,
}

impl RowSelection {
    const fn table(self) -> &'static str {
        match self {
            Self::Waiting => "record",
            Self::SetAside => "(SELECT * FROM damaged UNION ALL SELECT * FROM parked)",
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SetAside {
    pub damaged: u64,
    pub parked: u64,
}

impl Inspection {
    pub(crate) fn open(directory: &Path) -> Result<Self, OpenError> {
        let database = SpoolFiles::new(directory).database();
        if !database.exists() {
            return Err(OpenError::Missing(directory.to_path_buf()));
        }
        let connection =
            open_for_reading(&database, BUSY_TIMEOUT).map_err(|fault| OpenError::of(directory, fault))?;
        Ok(Self { connection })
    }

    /// Returns the lanes that hold rows, by name.
    pub(crate) fn lanes(&self) -> Result<Vec<LaneStatus>, ReadError> {
        let mut statuses = Vec::new();
        for lane in lanes(&self.connection)?.into_iter().filter(|lane| lane.rows > 0) {
            let sql =
                "SELECT appended_at FROM record INDEXED BY record_lane WHERE lane = ?1 ORDER BY id LIMIT 1";
            let oldest = self.connection.query_row(sql, [lane.id], |row| row.get(0)).optional()?;
            statuses.push(LaneStatus { name: lane.name, rows: lane.rows, bytes: lane.bytes, oldest });
        }
        statuses.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(statuses)
    }

    /// Returns the next rows of all lanes, by id. Empty: the end.
    pub(crate) fn page(
        &self,
        kept: RowSelection,
        after: RowId,
        max_rows: usize,
    ) -> Result<Vec<InspectedRow>, ReadError> {
        let names: HashMap<i64, Arc<str>> =
            lanes(&self.connection)?.into_iter().map(|lane| (lane.id, lane.name)).collect();
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT id, lane, appended_at, session, checksum, payload FROM {}
             WHERE id > ?1 ORDER BY id LIMIT ?2",
            kept.table()
        ))?;
        let rows = statement.query_map(params![after.0, max_rows as i64], |row| {
            let row = stored_row(row)?;
            let lane = names.get(&row.lane).cloned().unwrap_or_default();
            let intact = checksum(row.id, &lane, row.appended_at, row.session, &row.payload) == row.checksum;
            let (id, payload) = (RowId(row.id), Bytes::from(row.payload));
            Ok(InspectedRow { lane, id, appended_at: row.appended_at, payload, intact })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    pub(crate) fn set_aside(&self) -> Result<SetAside, ReadError> {
        let count = |table: &str| -> rusqlite::Result<u64> {
            let sql = format!("SELECT count(*) FROM {table}");
            self.connection.query_row(&sql, (), |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
        };
        Ok(SetAside { damaged: count("damaged")?, parked: count("parked")? })
    }
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string())
    }
}
