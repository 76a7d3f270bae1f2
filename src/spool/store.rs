//! Rows and accounts in the database. The caller decides when to commit.

use super::lane_account::{LaneAccount, lanes};
use super::open_files::OpenFiles;
use super::schema::{
    DatabaseAccess, READER_BUSY_TIMEOUT, SpoolFault, close, is_ambiguous, is_damage, is_full, is_sound, open,
    open_for_reading, pragma,
};
use super::stored_row::{StoredRow, checksum, insert};
use super::{Identity, RememberedIdentity, RowId, SpoolEntry};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Database, open for writing, with its accounts.
pub(super) struct SpoolStore {
    pub(super) connection: Connection,
    pub(super) accounts: SpoolAccounts,
    pub(super) access: DatabaseAccess,
    pub(super) files: OpenFiles,
    pub(super) session: i64,
    /// Greatest id in use when the file was opened, according to the file.
    pub(super) last_id_on_disk: i64,
}

impl SpoolStore {
    /// Opens or creates the database. `next_id` is the lowest id for a new row.
    pub(super) fn open(path: &Path, next_id: i64, access: DatabaseAccess) -> Result<Self, SpoolFault> {
        let connection = open(path, access)?;
        let (session, last_id_on_disk) = session_and_last_id(&connection)?;
        let last_identity: Option<i64> =
            connection.query_row("SELECT max(id) FROM remembered", (), |row| row.get(0))?;
        let accounts = SpoolAccounts {
            lanes: lanes(&connection)?,
            next_id: next_id.max(last_id_on_disk.saturating_add(1)),
            next_identity: last_identity.unwrap_or(0).saturating_add(1),
        };
        Ok(Self { files: OpenFiles::of(path)?, connection, accounts, access, session, last_id_on_disk })
    }

    /// Begins a session: rows of earlier sessions do not count as handed over.
    pub(super) fn begin_session(&mut self) -> Result<(), SpoolFault> {
        self.connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'session'", ())?;
        self.session += 1;
        Ok(())
    }

    /// Returns the greatest id in use so far.
    pub(super) fn last_id(&self) -> i64 {
        self.accounts.next_id - 1
    }

    pub(super) fn begin(&self) -> rusqlite::Result<StoreTransaction<'_>> {
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        Ok(StoreTransaction { transaction, accounts: self.accounts.clone(), session: self.session })
    }

    /// Adopts the accounts of a committed transaction.
    pub(super) fn adopt(&mut self, accounts: SpoolAccounts) {
        self.accounts = accounts;
        self.files.record_commit(&self.connection);
    }

    /// Compares the open files with those on disk.
    ///
    /// # Errors
    ///
    /// Also if another process changed the database and the content differs from the accounts.
    pub(super) fn check(&self) -> Result<(), SpoolFault> {
        self.files.check(&self.connection)?;
        self.verify()
    }

    /// Like [`SpoolStore::check`], after a commit.
    pub(super) fn check_commit(&self) -> Result<(), SpoolFault> {
        self.files.check_commit(&self.connection)?;
        self.verify()
    }

    /// Reads the whole database if another process changed it, and not from the cache of this connection.
    fn verify(&self) -> Result<(), SpoolFault> {
        if !self.files.take_suspicion() {
            return Ok(());
        }
        let file = open_for_reading(self.files.database(), READER_BUSY_TIMEOUT)?;
        let counts = |lanes: &[LaneAccount]| -> BTreeSet<(i64, u64, u64)> {
            lanes.iter().map(|lane| (lane.id, lane.rows, lane.bytes)).collect()
        };
        let is_known = is_sound(&file) && counts(&lanes(&file)?) == counts(&self.accounts.lanes);
        if !is_known {
            return Err(SpoolFault::Contradiction);
        }
        self.files.warn_of_writer();
        Ok(())
    }

    /// Returns the bytes of the pages in use.
    pub(super) fn used_bytes(&self) -> rusqlite::Result<u64> {
        let pages = self.pragma("page_count")?.saturating_sub(self.free_pages()?);
        Ok(pages * self.pragma("page_size")?)
    }

    pub(super) fn free_pages(&self) -> rusqlite::Result<u64> {
        self.pragma("freelist_count")
    }

    fn pragma(&self, name: &str) -> rusqlite::Result<u64> {
        pragma(&self.connection, name)
    }

    /// Returns the time of the oldest row's append.
    pub(super) fn oldest(&self) -> rusqlite::Result<Option<i64>> {
        let mut statement =
            self.connection.prepare_cached("SELECT appended_at FROM record ORDER BY id LIMIT 1")?;
        statement.query_row((), |row| row.get(0)).optional()
    }

    /// Returns rows after an id, by id, with their lanes.
    pub(super) fn rows_after(&self, id: i64) -> rusqlite::Result<Vec<(Arc<str>, RowId)>> {
        let mut statement = self.connection.prepare(
            "SELECT lane.name, record.id FROM record NOT INDEXED JOIN lane ON lane.id = record.lane
             WHERE record.id > ?1 ORDER BY record.id",
        )?;
        let rows =
            statement.query_map([id], |row| Ok((row.get::<_, String>(0)?.into(), RowId(row.get(1)?))))?;
        rows.collect()
    }

    /// Returns up to `max` event identities with a number of at least `from`, newest first. Stops at a
    /// damaged one: a lost identity can only cause a duplicate.
    pub(super) fn identities(&self, from: i64, max: usize) -> rusqlite::Result<Vec<RememberedIdentity>> {
        let mut found = Vec::new();
        let mut read = || {
            let sql = "SELECT identity, at FROM remembered WHERE id >= ?1 ORDER BY id DESC LIMIT ?2";
            let mut statement = self.connection.prepare(sql)?;
            let mut rows = statement.query(params![from, max as i64])?;
            while let Some(row) = rows.next()? {
                found.push((row.get(0)?, row.get(1)?));
            }
            Ok(())
        };
        match read() {
            Err(error) if !is_damage(&error) && !is_ambiguous(&error) => Err(error),
            _ => Ok(found),
        }
    }

    /// Writes the log back into the database and truncates it; an exclusive store keeps the file's length.
    /// Returns `false` if a reader prevented the complete write-back.
    pub(super) fn checkpoint(&self) -> rusqlite::Result<bool> {
        let sql = match self.access {
            DatabaseAccess::Shared => "PRAGMA wal_checkpoint(TRUNCATE)",
            DatabaseAccess::Exclusive => "PRAGMA wal_checkpoint(RESTART)",
        };
        self.files.note_change();
        let outcome = self.connection.query_row(sql, (), |row| row.get(0).map(|busy: i64| busy == 0));
        self.files.record_checkpoint(&self.connection, matches!(outcome, Ok(true)));
        outcome
    }

    /// Like [`SpoolStore::checkpoint`]. Returns `false` also if the disk is too full for the database to
    /// grow.
    pub(super) fn checkpoint_if_it_fits(&self) -> rusqlite::Result<bool> {
        match self.checkpoint() {
            Err(error) if is_full(&error) => Ok(false),
            outcome => outcome,
        }
    }

    /// Writes the log back and removes it.
    pub(super) fn close(self) -> rusqlite::Result<()> {
        self.checkpoint()?;
        close(self.connection)
    }

    /// Returns free pages at the end of the file to the disk.
    pub(super) fn vacuum(&self, pages: u32) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
        let mut rows = statement.query(())?;
        while rows.next()?.is_some() {}
        self.files.record_commit(&self.connection);
        Ok(())
    }
}

/// Returns the session and the greatest id in use so far.
pub(super) fn session_and_last_id(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    let session =
        connection.query_row("SELECT value FROM meta WHERE key = 'session'", (), |row| row.get(0))?;
    let used: Option<i64> = connection
        .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'record'", (), |row| row.get(0))
        .optional()?;
    // If a damaged file has lost its sequence, the greatest row id counts.
    let greatest: Option<i64> = connection.query_row("SELECT max(id) FROM record", (), |row| row.get(0))?;
    Ok((session, used.max(greatest).unwrap_or(0)))
}

/// Accounts of the database, and of a transaction.
#[derive(Clone)]
pub(super) struct SpoolAccounts {
    pub(super) lanes: Vec<LaneAccount>,
    /// Id of the next row.
    pub(super) next_id: i64,
    /// Number of the next identity.
    pub(super) next_identity: i64,
}

/// Open transaction. Dropping it rolls it back.
pub(super) struct StoreTransaction<'a> {
    pub(super) transaction: Transaction<'a>,
    pub(super) accounts: SpoolAccounts,
    session: i64,
}

impl StoreTransaction<'_> {
    /// Appends a row and returns its id.
    pub(super) fn append(&mut self, entry: &SpoolEntry, now: i64) -> rusqlite::Result<i64> {
        let id = self.accounts.next_id;
        let session = if entry.handed_over { self.session } else { 0 };
        let lane = self.lane(&entry.lane)?;
        lane.add(entry.payload.len());
        let row = StoredRow {
            id,
            lane: lane.id,
            appended_at: now,
            session,
            checksum: checksum(id, &entry.lane, now, session, &entry.payload),
            payload: Vec::new(),
        };
        insert(&self.transaction, &row, &entry.payload)?;
        self.accounts.next_id += 1;
        Ok(id)
    }

    /// Returns the account of a lane, created if it is missing.
    pub(super) fn lane(&mut self, name: &Arc<str>) -> rusqlite::Result<&mut LaneAccount> {
        let lanes = &mut self.accounts.lanes;
        let at = match lanes.iter().position(|lane| lane.name == *name) {
            Some(at) => at,
            None => {
                self.transaction.execute("INSERT INTO lane(name, rows, bytes) VALUES (?1, 0, 0)", [name])?;
                let id = self.transaction.last_insert_rowid();
                lanes.push(LaneAccount { id, name: name.clone(), rows: 0, bytes: 0, changed: true });
                lanes.len() - 1
            }
        };
        Ok(&mut lanes[at])
    }

    pub(super) fn lane_bytes(&self, name: &str) -> u64 {
        self.accounts.lanes.iter().find(|lane| *lane.name == *name).map_or(0, |lane| lane.bytes)
    }

    /// Deletes a row. Returns whether it existed.
    pub(super) fn delete(&mut self, id: i64) -> rusqlite::Result<bool> {
        let gone: Option<(i64, i64)> = self
            .transaction
            .prepare_cached("DELETE FROM record WHERE id = ?1 RETURNING lane, coalesce(length(payload), 0)")?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((lane, payload)) = gone else { return Ok(false) };
        if let Some(lane) = self.accounts.lanes.iter_mut().find(|account| account.id == lane) {
            lane.take(usize::try_from(payload).unwrap_or(0));
        }
        Ok(true)
    }

    /// Copies a row of another file into a lane, with its id.
    pub(super) fn copy(&mut self, name: &Arc<str>, mut row: StoredRow) -> rusqlite::Result<()> {
        let lane = self.lane(name)?;
        lane.add(row.payload.len());
        row.lane = lane.id;
        insert(&self.transaction, &row, &row.payload)
    }

    /// Copies a row of another file into `damaged` or `parked`.
    pub(super) fn keep(&self, table: &str, row: &StoredRow) -> rusqlite::Result<()> {
        let sql = format!(
            "INSERT OR IGNORE INTO {table}(id, lane, appended_at, session, checksum, payload)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
        );
        let values = params![row.id, row.lane, row.appended_at, row.session, row.checksum, row.payload];
        self.transaction.prepare_cached(&sql)?.execute(values).map(drop)
    }

    /// Sets the last used id and the session.
    pub(super) fn start_after(&self, id: i64, session: i64) -> rusqlite::Result<()> {
        self.transaction.execute("DELETE FROM sqlite_sequence WHERE name = 'record'", ())?;
        self.transaction.execute("INSERT INTO sqlite_sequence(name, seq) VALUES ('record', ?1)", [id])?;
        self.transaction.execute("UPDATE meta SET value = ?1 WHERE key = 'session'", [session]).map(drop)
    }

    /// Moves a row into the table `damaged`.
    pub(super) fn set_aside(&mut self, id: i64) -> rusqlite::Result<bool> {
        self.keep_in("damaged", id)?;
        self.delete(id)
    }

    /// Moves a row into the table `parked`.
    pub(super) fn park(&mut self, id: i64) -> rusqlite::Result<ParkOutcome> {
        self.keep_in("parked", id)?;
        if self.delete(id)? {
            return Ok(ParkOutcome::Now);
        }
        let mut statement = self.transaction.prepare_cached("SELECT 1 FROM parked WHERE id = ?1")?;
        Ok(if statement.exists([id])? { ParkOutcome::Before } else { ParkOutcome::NoRow })
    }

    fn keep_in(&self, table: &str, id: i64) -> rusqlite::Result<usize> {
        let sql = format!(
            "INSERT OR IGNORE INTO {table}(id, lane, appended_at, session, checksum, payload)
             SELECT id, lane, appended_at, session, checksum, payload FROM record WHERE id = ?1"
        );
        self.transaction.prepare_cached(&sql)?.execute([id])
    }

    /// Appends an identity.
    pub(super) fn remember(&mut self, identity: &Identity, at: i64) -> rusqlite::Result<()> {
        self.remember_as(self.accounts.next_identity, identity, at)?;
        self.accounts.next_identity = self.accounts.next_identity.saturating_add(1);
        Ok(())
    }

    /// Inserts an identity with a number.
    pub(super) fn remember_as(&self, id: i64, identity: &Identity, at: i64) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO remembered(id, identity, at) VALUES (?1, ?2, ?3)";
        self.transaction.prepare_cached(sql)?.execute(params![id, identity, at]).map(drop)
    }

    /// Deletes up to `max` identities, oldest first, and keeps the newest `keep`. Returns the number deleted.
    pub(super) fn forget(&self, keep: usize, max: usize) -> rusqlite::Result<usize> {
        let first = self.accounts.next_identity.saturating_sub_unsigned(keep as u64);
        let sql = "DELETE FROM remembered
                   WHERE id IN (SELECT id FROM remembered WHERE id < ?1 ORDER BY id LIMIT ?2)";
        self.transaction.prepare_cached(sql)?.execute(params![first, max as i64])
    }

    /// Commits what was written so far and writes the log back, to keep the log of a large copy small. The
    /// accounts are committed by [`StoreTransaction::commit`] only.
    pub(super) fn flush(&self) -> rusqlite::Result<()> {
        self.transaction.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE); BEGIN IMMEDIATE")
    }

    /// Writes `bytes` to test whether the disk accepts appends.
    pub(super) fn probe(&self, bytes: usize) -> rusqlite::Result<()> {
        self.transaction
            .execute("INSERT OR REPLACE INTO meta VALUES ('probe', zeroblob(?1))", [bytes as i64])
            .map(drop)
    }

    pub(super) fn commit(mut self) -> rusqlite::Result<SpoolAccounts> {
        for lane in self.accounts.lanes.iter_mut().filter(|lane| lane.changed) {
            self.transaction
                .prepare_cached("UPDATE lane SET rows = ?2, bytes = ?3 WHERE id = ?1")?
                .execute(params![lane.id, lane.rows as i64, lane.bytes as i64])?;
            lane.changed = false;
        }
        self.transaction.commit()?;
        Ok(self.accounts)
    }
}

/// Outcome of parking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ParkOutcome {
    Now,
    Before,
    NoRow,
}
