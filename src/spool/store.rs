//! Open database with its accounts. The caller decides when to commit.

use super::lane_account::{LaneAccount, lanes};
use super::open_files::OpenFiles;
use super::schema::{
    DatabaseAccess, READER_BUSY_TIMEOUT, SpoolFault, close, is_ambiguous, is_damage, is_full, open,
    open_for_reading, pragma, soundness,
};
use super::store_transaction::{SpoolAccounts, StoreTransaction};
use super::verification::Verification;
use super::{LateRows, RememberedIdentity, RowId};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

const MAX_VERIFY_WAIT: Duration = Duration::from_millis(500);
const VERIFY_BACKOFF: Duration = Duration::from_secs(60);

pub(super) struct SpoolStore {
    pub(super) connection: Connection,
    pub(super) accounts: SpoolAccounts,
    pub(super) access: DatabaseAccess,
    pub(super) files: OpenFiles,
    /// Continues beside appends.
    pub(super) verification: RefCell<Option<Verification>>,
    /// The last check could not read the file.
    verify_at: Cell<Option<Instant>>,
    pub(super) session: i64,
    /// According to the file, when it was opened.
    pub(super) last_id_on_disk: i64,
}

impl SpoolStore {
    /// `next_id`: lowest id of a new row.
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
        let (files, verification, verify_at) = (OpenFiles::of(path)?, RefCell::default(), Cell::default());
        Ok(Self { files, connection, accounts, access, verification, verify_at, session, last_id_on_disk })
    }

    /// Rows of earlier sessions do not count as handed over.
    pub(super) fn begin_session(&mut self) -> Result<(), SpoolFault> {
        self.connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'session'", ())?;
        self.session += 1;
        Ok(())
    }

    pub(super) fn last_id(&self) -> i64 {
        self.accounts.next_id - 1
    }

    pub(super) fn begin(&self) -> rusqlite::Result<StoreTransaction<'_>> {
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        Ok(StoreTransaction { transaction, accounts: self.accounts.clone(), session: self.session })
    }

    pub(super) fn adopt(&mut self, accounts: SpoolAccounts) {
        self.accounts = accounts;
        self.files.record_commit(&self.connection);
    }

    /// Compares the open files with those on disk, and the content with the accounts if another process
    /// changed it.
    pub(super) fn check(&self) -> Result<(), SpoolFault> {
        self.files.check(&self.connection)?;
        if self.files.is_log_suspect() {
            self.checkpoint()?;
        }
        self.verify()
    }

    /// Starts no check of the content, because the commit's jobs wait.
    pub(super) fn check_commit(&self) -> Result<(), SpoolFault> {
        self.files.check_commit(&self.connection)?;
        self.poll_verification(Duration::ZERO)
    }

    pub(super) fn end_verification(&self) {
        drop(self.verification.take());
    }

    /// Returns whether a check is due or in progress.
    pub(super) fn is_suspect(&self) -> bool {
        self.files.is_suspect() || self.is_verifying()
    }

    pub(super) fn is_verifying(&self) -> bool {
        self.verification.borrow().is_some()
    }

    /// Checks the content if another process changed it. After [`MAX_VERIFY_WAIT`], appends go on beside the
    /// check.
    fn verify(&self) -> Result<(), SpoolFault> {
        if self.is_verifying() {
            return self.poll_verification(Duration::ZERO);
        }
        if !self.files.is_suspect() || self.verify_at.get().is_some_and(|at| Instant::now() < at) {
            return Ok(());
        }
        match self.begin_verification() {
            Ok(running) => {
                self.verification.replace(Some(running));
                self.poll_verification(MAX_VERIFY_WAIT)
            }
            Err(fault) => self.retry_verification(fault),
        }
    }

    fn poll_verification(&self, timeout: Duration) -> Result<(), SpoolFault> {
        let Some(running) = self.verification.take() else { return Ok(()) };
        match running.wait(timeout) {
            None => {
                self.verification.replace(Some(running));
                Ok(())
            }
            Some(Ok(true)) => {
                self.files.warn_of_writer();
                Ok(())
            }
            Some(Ok(false)) => Err(SpoolFault::Contradiction),
            Some(Err(error)) => self.retry_verification(error.into()),
        }
    }

    /// Keeps the suspicion after a check that failed. If only its reads failed, appends go on until the next
    /// check.
    fn retry_verification(&self, fault: SpoolFault) -> Result<(), SpoolFault> {
        self.files.set_suspect(true);
        if !fault.is_unreadable() {
            return Err(fault);
        }
        tracing::warn!(error = %fault, retry = ?VERIFY_BACKOFF, "the spool's content cannot be verified now");
        self.verify_at.set(Some(Instant::now() + VERIFY_BACKOFF));
        Ok(())
    }

    /// Compares the accounts and the ends of the rows, and starts the check of all pages. Reads the file on
    /// disk, not this connection's cache.
    fn begin_verification(&self) -> Result<Verification, SpoolFault> {
        let file = open_for_reading(self.files.database(), READER_BUSY_TIMEOUT)?;
        file.execute_batch("BEGIN")?;
        let counts = |lanes: &[LaneAccount]| -> BTreeSet<(i64, u64, u64, u64, u64)> {
            let counts =
                |lane: &LaneAccount| (lane.id, lane.rows, lane.bytes, lane.parked_rows, lane.parked_bytes);
            lanes.iter().map(counts).collect()
        };
        if counts(&lanes(&file)?) != counts(&self.accounts.lanes) {
            return Err(SpoolFault::Contradiction);
        }
        // Covers the way to later rows, whose appends go on during the check.
        let sql = "SELECT (SELECT max(id) FROM record),
            (SELECT max((SELECT max(id) FROM record INDEXED BY record_lane WHERE lane = lane.id)) FROM lane)";
        let ends =
            |row: &rusqlite::Row<'_>| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?));
        let (last_row, last_entry) = file.query_row(sql, (), ends)?;
        if last_row != last_entry {
            return Err(SpoolFault::Contradiction);
        }
        let running = Verification::start(file, soundness)?;
        // A change from now on needs another check.
        self.files.set_suspect(false);
        Ok(running)
    }

    /// Pages in use and the log.
    pub(super) fn bytes_on_disk(&self) -> rusqlite::Result<u64> {
        Ok(self.used_bytes()? + self.files.log_bytes())
    }

    fn used_bytes(&self) -> rusqlite::Result<u64> {
        let pages = self.pragma("page_count")?.saturating_sub(self.free_pages()?);
        Ok(pages * self.pragma("page_size")?)
    }

    pub(super) fn free_pages(&self) -> rusqlite::Result<u64> {
        self.pragma("freelist_count")
    }

    fn pragma(&self, name: &str) -> rusqlite::Result<u64> {
        pragma(&self.connection, name)
    }

    /// Returns the time of the oldest append.
    pub(super) fn oldest(&self) -> rusqlite::Result<Option<i64>> {
        let mut statement =
            self.connection.prepare_cached("SELECT appended_at FROM record ORDER BY id LIMIT 1")?;
        statement.query_row((), |row| row.get(0)).optional()
    }

    pub(super) fn rows_after(&self, id: i64) -> rusqlite::Result<Vec<LateRows>> {
        let mut statement = self.connection.prepare(
            "SELECT lane.name, min(record.id), max(record.id), count(*)
             FROM record NOT INDEXED JOIN lane ON lane.id = record.lane
             WHERE record.id > ?1 GROUP BY lane.id",
        )?;
        let rows = statement.query_map([id], |row| {
            Ok(LateRows {
                lane: row.get::<_, String>(0)?.into(),
                first: RowId(row.get(1)?),
                last: RowId(row.get(2)?),
                count: row.get::<_, i64>(3)?.unsigned_abs(),
            })
        })?;
        rows.collect()
    }

    /// Returns up to `max` identities from that number on, newest first. Stops at a damaged one, because a
    /// lost identity can only cause a duplicate.
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

    /// Writes the log back and truncates it; an exclusive store keeps its length. `false`: a reader prevented
    /// it.
    pub(super) fn checkpoint(&self) -> rusqlite::Result<bool> {
        if self.is_verifying() {
            return Ok(false);
        }
        let sql = match self.access {
            DatabaseAccess::Shared => "PRAGMA wal_checkpoint(TRUNCATE)",
            DatabaseAccess::Exclusive => "PRAGMA wal_checkpoint(RESTART)",
        };
        self.files.note_change();
        let outcome = self.connection.query_row(sql, (), |row| row.get(0).map(|busy: i64| busy == 0));
        self.files.record_checkpoint(&self.connection, matches!(outcome, Ok(true)));
        outcome
    }

    /// `false` also if the disk is too full for the database to grow.
    pub(super) fn checkpoint_if_it_fits(&self) -> rusqlite::Result<bool> {
        match self.checkpoint() {
            Err(error) if is_full(&error) => Ok(false),
            outcome => outcome,
        }
    }

    pub(super) fn close(self) -> rusqlite::Result<()> {
        self.end_verification();
        self.checkpoint()?;
        close(self.connection)
    }

    pub(super) fn vacuum(&self, pages: u32) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
        let mut rows = statement.query(())?;
        while rows.next()?.is_some() {}
        self.files.record_commit(&self.connection);
        Ok(())
    }
}

pub(super) fn session_and_last_id(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    let session =
        connection.query_row("SELECT value FROM meta WHERE key = 'session'", (), |row| row.get(0))?;
    let used: Option<i64> = connection
        .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'record'", (), |row| row.get(0))
        .optional()?;
    // A damaged file may have lost its sequence.
    let greatest: Option<i64> = connection.query_row("SELECT max(id) FROM record", (), |row| row.get(0))?;
    Ok((session, used.max(greatest).unwrap_or(0)))
}
