//! Reads of the spool, on a connection of their own.

use super::schema::{READER_BUSY_TIMEOUT, SpoolFault, is_ambiguous, is_damage, open_for_reading};
use super::stored_row::checksum;
use super::{Page, ReadError, Row, RowId};
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use std::collections::HashSet;
use std::path::PathBuf;

pub(super) enum ReadFault {
    Disk(ReadError),
    /// Unless `proven`, the statement may be wrong instead.
    Damage {
        error: ReadError,
        proven: bool,
    },
}

impl From<rusqlite::Error> for ReadFault {
    fn from(error: rusqlite::Error) -> Self {
        let reported = ReadError(error.to_string());
        let proven = is_damage(&error);
        if proven || is_ambiguous(&error) {
            Self::Damage { error: reported, proven }
        } else {
            Self::Disk(reported)
        }
    }
}

#[derive(Default)]
pub(super) struct ReadPage {
    pub(super) page: Page,
    pub(super) damaged: Vec<RowId>,
}

pub(super) struct PageReader {
    path: PathBuf,
    connection: Option<Connection>,
    /// Another file may have the path. The open files are still read.
    is_detached: bool,
    /// Damaged rows that the writer may not have set aside yet.
    reported: HashSet<i64>,
    pub(super) session: i64,
    /// Number of the file, because a salvage replaces it.
    pub(super) generation: u64,
}

struct RawRow {
    id: i64,
    appended_at: i64,
    session: i64,
    checksum: i64,
    payload: Vec<u8>,
}

impl PageReader {
    pub(super) fn new(path: PathBuf, session: i64) -> Self {
        Self { path, connection: None, is_detached: false, reported: HashSet::new(), session, generation: 0 }
    }

    pub(super) fn release(&mut self) {
        self.connection = None;
        self.is_detached = false;
    }

    pub(super) fn detach(&mut self) {
        self.is_detached = true;
    }

    fn with<T>(
        &mut self,
        read: impl FnOnce(&mut Self, &Connection) -> Result<T, ReadFault>,
    ) -> Result<T, ReadFault> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None if self.is_detached => {
                return Err(ReadFault::Disk(ReadError("another process removed its files".to_owned())));
            }
            None => open_for_reading(&self.path, READER_BUSY_TIMEOUT).map_err(|fault| match fault {
                SpoolFault::Sqlite(error) => error.into(),
                fault => {
                    let (error, proven) = (ReadError(fault.to_string()), fault.is_damage());
                    if proven { ReadFault::Damage { error, proven } } else { ReadFault::Disk(error) }
                }
            })?,
        };
        let outcome = read(self, &connection);
        if outcome.is_ok() {
            self.connection = Some(connection);
        }
        outcome
    }

    pub(super) fn page(
        &mut self,
        lane: &str,
        after: RowId,
        upto: RowId,
        max_rows: usize,
        max_bytes: usize,
    ) -> Result<ReadPage, ReadFault> {
        self.with(|reader, connection| {
            // A snapshot, so that rows and account agree.
            let snapshot = Transaction::new_unchecked(connection, TransactionBehavior::Deferred)?;
            reader.rows(&snapshot, lane, after, upto, max_rows, max_bytes)
        })
    }

    fn rows(
        &mut self,
        snapshot: &Connection,
        lane: &str,
        after: RowId,
        upto: RowId,
        max_rows: usize,
        max_bytes: usize,
    ) -> Result<ReadPage, ReadFault> {
        let mut found = ReadPage::default();
        found.page.through = after.max(upto);
        let mut account = snapshot.prepare_cached(ACCOUNT)?;
        let account = account.query_row([lane], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((lane_id, kept)) = account else { return Ok(found) };
        let (lane_id, kept): (i64, i64) = (lane_id, kept);
        let mut statement = snapshot.prepare_cached(PAGE)?;
        let mut rows = statement.query(params![lane_id, after.0])?;
        let (mut last, mut seen, mut bytes) = (after.0, 0, 0);
        while found.page.rows.len() < max_rows {
            let Some(row) = rows.next()? else {
                return if after.0 == 0 && seen != kept { Err(contradiction()) } else { Ok(found) };
            };
            let row = parse_row(row)?;
            if row.id <= last {
                return Err(contradiction());
            }
            seen += 1;
            if row.id > upto.0 {
                // It may be of a late commit that was not reported yet.
                continue;
            }
            bytes += row.payload.len();
            if bytes > max_bytes && !found.page.rows.is_empty() {
                break;
            }
            last = row.id;
            self.verify(lane, row, &mut found);
        }
        found.page.through = RowId(last);
        Ok(found)
    }

    fn verify(&mut self, lane: &str, row: RawRow, found: &mut ReadPage) {
        let id = RowId(row.id);
        if checksum(row.id, lane, row.appended_at, row.session, &row.payload) == row.checksum {
            let handed_over = row.session == self.session;
            found.page.rows.push(Row { id, handed_over, payload: Bytes::from(row.payload) });
        } else if self.reported.insert(row.id) {
            found.damaged.push(id);
        }
    }
}

/// Bypasses the index of names, because a damaged one could hide a lane.
const ACCOUNT: &str = "SELECT id, rows FROM lane NOT INDEXED WHERE name = ?1";

pub(super) const PAGE: &str = "SELECT id, appended_at, session, checksum, payload FROM record
    INDEXED BY record_lane WHERE lane = ?1 AND id > ?2 ORDER BY id";

fn parse_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<RawRow> {
    let payload = row.get_ref(4)?;
    // A damaged column may have another type.
    let payload = payload.as_blob().map(<[u8]>::to_vec).unwrap_or_default();
    let number = |at| row.get_ref(at).map(|value| value.as_i64().unwrap_or(i64::MIN));
    Ok(RawRow {
        id: row.get(0)?,
        appended_at: number(1)?,
        session: number(2)?,
        checksum: number(3)?,
        payload,
    })
}

fn contradiction() -> ReadFault {
    let error = ReadError("its index and its rows contradict each other".to_owned());
    ReadFault::Damage { error, proven: true }
}
