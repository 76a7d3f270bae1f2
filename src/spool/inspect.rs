//! A view for people, beside a running bridge or without one.

use super::files::Files;
use super::schema::open_for_reading;
use super::store::{as_stored, checksum, lanes};
use super::{OpenError, ReadError, RowId};
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Longer than a full disk is emptied at a time.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads a spool without changing it or keeping records from it: no lock on its content is held between two
/// calls. Only a bridge on a full disk waits, for a while, until it is closed.
pub struct Inspection {
    connection: Connection,
}

/// A lane's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneStatus {
    /// The lane's name.
    pub name: Arc<str>,
    /// Its rows.
    pub rows: u64,
    /// Their payloads' bytes, and 64 for each row.
    pub bytes: u64,
    /// When its oldest row was appended, in milliseconds since 1970.
    pub oldest: Option<i64>,
}

/// A row as it lies in the spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectedRow {
    /// Its lane's name; empty if that is lost.
    pub lane: Arc<str>,
    /// Its place.
    pub id: RowId,
    /// When it was appended, in milliseconds since 1970.
    pub appended_at: i64,
    /// What was kept.
    pub payload: Bytes,
    /// Whether its checksum is right.
    pub intact: bool,
}

/// Rows of a spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Those that wait for Kafka.
    Waiting,
    /// Those that were set aside: damaged, or accepted by nothing.
    SetAside,
}

impl Kept {
    const fn table(self) -> &'static str {
        match self {
            Self::Waiting => "record",
            Self::SetAside => "(SELECT * FROM damaged UNION ALL SELECT * FROM parked)",
        }
    }
}

/// Rows that were set aside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SetAside {
    /// Rows found damaged.
    pub damaged: u64,
    /// Rows parked.
    pub parked: u64,
}

impl Inspection {
    /// Opens the spool in `directory` for reading.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        let database = Files::new(directory).database();
        if !database.exists() {
            return Err(OpenError::Missing(directory.to_path_buf()));
        }
        let connection =
            open_for_reading(&database, PATIENCE).map_err(|fault| OpenError::of(directory, fault))?;
        Ok(Self { connection })
    }

    /// The lanes that hold rows, by name.
    ///
    /// # Errors
    /// If the disk or the file fails.
    pub fn lanes(&self) -> Result<Vec<LaneStatus>, ReadError> {
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

    /// Returns the next rows of all lanes after a row, in the order of their ids. None: that was all.
    ///
    /// # Errors
    /// If the disk or the file fails.
    pub fn page(&self, kept: Kept, after: RowId, max_rows: usize) -> Result<Vec<InspectedRow>, ReadError> {
        let names: HashMap<i64, Arc<str>> =
            lanes(&self.connection)?.into_iter().map(|lane| (lane.id, lane.name)).collect();
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT id, lane, appended_at, session, checksum, payload FROM {}
             WHERE id > ?1 ORDER BY id LIMIT ?2",
            kept.table()
        ))?;
        let rows = statement.query_map(params![after.0, max_rows as i64], |row| {
            let row = as_stored(row)?;
            let lane = names.get(&row.lane).cloned().unwrap_or_default();
            let intact = checksum(row.id, &lane, row.appended_at, row.session, &row.payload) == row.checksum;
            let (id, payload) = (RowId(row.id), Bytes::from(row.payload));
            Ok(InspectedRow { lane, id, appended_at: row.appended_at, payload, intact })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// How many rows were set aside.
    ///
    /// # Errors
    /// If the disk or the file fails.
    pub fn set_aside(&self) -> Result<SetAside, ReadError> {
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
