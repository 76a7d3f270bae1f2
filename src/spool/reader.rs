//! Reading, on a connection of its own.

use super::schema::{Fault, PATIENCE, is_ambiguous, is_damage, open_for_reading};
use super::store::checksum;
use super::{Page, ReadError, Row, RowId};
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use std::collections::HashSet;
use std::path::PathBuf;

/// Why nothing was read.
pub(super) enum Trouble {
    /// The disk is not at hand.
    Disk(ReadError),
    /// The file's content is wrong; or a statement is, unless that is `proven`.
    Damage { error: ReadError, proven: bool },
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        let told = ReadError(error.to_string());
        let proven = is_damage(&error);
        if proven || is_ambiguous(&error) { Self::Damage { error: told, proven } } else { Self::Disk(told) }
    }
}

/// What was read and what is to be set aside.
#[derive(Default)]
pub(super) struct Found {
    pub(super) page: Page,
    pub(super) damaged: Vec<RowId>,
}

pub(super) struct Reader {
    path: PathBuf,
    connection: Option<Connection>,
    /// Damaged rows that were told of: the writer may need time to set them aside.
    told: HashSet<i64>,
    pub(super) session: i64,
    /// Counts the files: another one takes the place of one that was damaged.
    pub(super) generation: u64,
}

struct Raw {
    id: i64,
    appended_at: i64,
    session: i64,
    checksum: i64,
    payload: Vec<u8>,
}

impl Reader {
    pub(super) fn new(path: PathBuf, session: i64) -> Self {
        Self { path, connection: None, told: HashSet::new(), session, generation: 0 }
    }

    /// Lets go of the file. The next read opens it anew.
    pub(super) fn release(&mut self) {
        self.connection = None;
    }

    fn with<T>(
        &mut self,
        read: impl FnOnce(&mut Self, &Connection) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => open_for_reading(&self.path, PATIENCE).map_err(|fault| match fault {
                Fault::Sqlite(error) => error.into(),
                fault => {
                    let (error, proven) = (ReadError(fault.to_string()), fault.is_damage());
                    if proven { Trouble::Damage { error, proven } } else { Trouble::Disk(error) }
                }
            })?,
        };
        let outcome = read(self, &connection);
        if outcome.is_ok() {
            self.connection = Some(connection);
        }
        outcome
    }

    /// Rows of a lane after one, and up to the last that is known to be committed.
    pub(super) fn page(
        &mut self,
        lane: &str,
        after: RowId,
        upto: RowId,
        max_rows: usize,
        max_bytes: usize,
    ) -> Result<Found, Trouble> {
        self.with(|reader, connection| {
            // Rows and account are of one moment.
            let moment = Transaction::new_unchecked(connection, TransactionBehavior::Deferred)?;
            reader.rows(&moment, lane, after, upto, max_rows, max_bytes)
        })
    }

    fn rows(
        &mut self,
        moment: &Connection,
        lane: &str,
        after: RowId,
        upto: RowId,
        max_rows: usize,
        max_bytes: usize,
    ) -> Result<Found, Trouble> {
        let mut found = Found::default();
        found.page.through = after.max(upto);
        let mut account = moment.prepare_cached(ACCOUNT)?;
        let account = account.query_row([lane], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((lane_id, kept)) = account else { return Ok(found) };
        let (lane_id, kept): (i64, i64) = (lane_id, kept);
        let mut statement = moment.prepare_cached(PAGE)?;
        let mut rows = statement.query(params![lane_id, after.0])?;
        let (mut last, mut seen, mut bytes) = (after.0, 0, 0);
        while found.page.rows.len() < max_rows {
            let Some(row) = rows.next()? else {
                return if after.0 == 0 && seen != kept { Err(contradiction()) } else { Ok(found) };
            };
            let row = raw(row)?;
            if row.id <= last {
                return Err(contradiction());
            }
            seen += 1;
            if row.id > upto.0 {
                // In the lane's account, but refused perhaps, and not recounted yet.
                continue;
            }
            bytes += row.payload.len();
            if bytes > max_bytes && !found.page.rows.is_empty() {
                break;
            }
            last = row.id;
            self.judge(lane, row, &mut found);
        }
        found.page.through = RowId(last);
        Ok(found)
    }

    fn judge(&mut self, lane: &str, row: Raw, found: &mut Found) {
        let id = RowId(row.id);
        if checksum(row.id, lane, row.appended_at, row.session, &row.payload) == row.checksum {
            let handed_over = row.session == self.session;
            found.page.rows.push(Row { id, handed_over, payload: Bytes::from(row.payload) });
        } else if self.told.insert(row.id) {
            found.damaged.push(id);
        }
    }
}

/// Past the index of names: a lane that a damaged one does not show would pass for empty.
const ACCOUNT: &str = "SELECT id, rows FROM lane NOT INDEXED WHERE name = ?1";

pub(super) const PAGE: &str = "SELECT id, appended_at, session, checksum, payload FROM record
    INDEXED BY record_lane WHERE lane = ?1 AND id > ?2 ORDER BY id";

fn raw(row: &rusqlite::Row<'_>) -> rusqlite::Result<Raw> {
    let payload = row.get_ref(4)?;
    // Damage may have changed the type: then the checksum is wrong as well.
    let payload = payload.as_blob().map(<[u8]>::to_vec).unwrap_or_default();
    let number = |at| row.get_ref(at).map(|value| value.as_i64().unwrap_or(i64::MIN));
    Ok(Raw { id: row.get(0)?, appended_at: number(1)?, session: number(2)?, checksum: number(3)?, payload })
}

/// The index, the table and the account do not tell the same.
fn contradiction() -> Trouble {
    let error = ReadError("its index and its rows contradict each other".to_owned());
    Trouble::Damage { error, proven: true }
}
