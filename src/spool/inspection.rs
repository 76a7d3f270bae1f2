//! Read-only view of a spool for operators, with or without a running bridge.

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

/// Time to wait for a bridge that has the database to itself on a full disk.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Open spool for inspection. Changes nothing, and holds no lock between two calls. Only a bridge on a full
/// disk waits for a limited time until it is closed.
pub(crate) struct Inspection {
    connection: Connection,
}

/// Account of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LaneStatus {
    /// Name of the lane.
    pub name: Arc<str>,
    /// Number of rows.
    pub rows: u64,
    /// Bytes of the payloads, plus 64 for each row.
    pub bytes: u64,
    /// Time of the oldest row's append, in milliseconds since 1970.
    pub oldest: Option<i64>,
}

/// Row of the spool with its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InspectedRow {
    /// Name of the lane; empty if it is lost.
    pub lane: Arc<str>,
    /// Id of the row.
    pub id: RowId,
    /// Time of the append, in milliseconds since 1970.
    pub appended_at: i64,
    /// Content of the row.
    pub payload: Bytes,
    /// True if the checksum is right.
    pub intact: bool,
}

/// Selection of rows to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowSelection {
    /// Rows that wait for Kafka.
    Waiting,
    /// Rows that were set aside: damaged or parked.
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

/// Numbers of rows that were set aside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SetAside {
    /// Damaged rows.
    pub damaged: u64,
    /// Parked rows.
    pub parked: u64,
}

impl Inspection {
    /// Opens the spool in `directory` for reading.
    ///
    /// # Errors
    ///
    /// If there is none, or it cannot be read.
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
    ///
    /// # Errors
    /// If the disk or the file fails.
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

    /// Returns the next rows of all lanes after a row, by id. Empty: the end.
    ///
    /// # Errors
    /// If the disk or the file fails.
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

    /// Returns the numbers of rows that were set aside.
    ///
    /// # Errors
    /// If the disk or the file fails.
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
