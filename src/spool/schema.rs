//! SQLite file of the spool: opening, tables and schema versions.

use super::files::private;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use std::fmt::Write;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

pub(super) const PAGE_BYTES: u64 = 4096;

pub(super) fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached(&format!("PRAGMA {name}"))?;
    statement.query_row((), |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
}

/// One transaction for each version; the first is for an empty file. Released ones never change. Version 2
/// keeps the empty table `identity`, because a lost first page is repaired with that of a new file, which
/// must have the same root pages.
pub(super) const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE meta(key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
    INSERT INTO meta VALUES ('session', 0);
    CREATE TABLE lane(
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, rows INTEGER NOT NULL, bytes INTEGER NOT NULL);
    CREATE TABLE record(
        id INTEGER PRIMARY KEY AUTOINCREMENT, lane INTEGER NOT NULL, appended_at INTEGER NOT NULL,
        session INTEGER NOT NULL, checksum INTEGER NOT NULL, payload BLOB NOT NULL);
    CREATE INDEX record_lane ON record(lane);
    CREATE TABLE identity(key BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX identity_at ON identity(at);
    CREATE TABLE damaged(id INTEGER PRIMARY KEY, lane, appended_at, session, checksum, payload);
    CREATE TABLE parked(id INTEGER PRIMARY KEY, lane, appended_at, session, checksum, payload);
",
    "
    CREATE TABLE remembered(id INTEGER PRIMARY KEY, identity BLOB NOT NULL, at INTEGER NOT NULL);
    DELETE FROM identity;
",
    "
    ALTER TABLE lane ADD COLUMN parked_rows INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE lane ADD COLUMN parked_bytes INTEGER NOT NULL DEFAULT 0;
    UPDATE lane SET (parked_rows, parked_bytes) =
        (SELECT count(*), coalesce(sum(length(payload) + 64), 0) FROM parked WHERE parked.lane = lane.id);
",
];

pub(super) const READER_BUSY_TIMEOUT: Duration = Duration::from_millis(250);

#[derive(Debug, thiserror::Error)]
pub(super) enum SpoolFault {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("schema version {found} is later than {known}")]
    Newer { found: i64, known: i64 },
    #[error("the file contradicts itself")]
    Contradiction,
    #[error("another process removed, replaced or truncated the spool's files")]
    Moved,
    #[error("another process truncated the write-ahead log")]
    Truncated,
    #[error(
        "the rows need {needed} bytes of free disk space to be copied into a new file, and {free} are free"
    )]
    NoRoom { needed: u64, free: u64 },
}

impl SpoolFault {
    pub(super) fn is_full(&self) -> bool {
        match self {
            Self::Sqlite(error) => is_full(error),
            Self::Io(error) => {
                matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            Self::NoRoom { .. } => true,
            Self::Newer { .. } | Self::Contradiction | Self::Moved | Self::Truncated => false,
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy))
    }

    /// An unavailable disk is not damage.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Sqlite(error) => is_damage(error),
            Self::Contradiction | Self::Truncated => true,
            Self::Io(_) | Self::Newer { .. } | Self::Moved | Self::NoRoom { .. } => false,
        }
    }

    /// Proves nothing about the content.
    pub(super) fn is_unreadable(&self) -> bool {
        use ErrorCode::{CannotOpen, DatabaseBusy, DatabaseLocked, OutOfMemory, SystemIoFailure};
        let codes = [CannotOpen, DatabaseBusy, DatabaseLocked, OutOfMemory, SystemIoFailure];
        match self {
            Self::Io(_) => true,
            Self::Sqlite(error) => error.sqlite_error_code().is_some_and(|code| codes.contains(&code)),
            _ => false,
        }
    }

    /// Checks the file if the error alone is ambiguous.
    pub(super) fn is_damage_of(&self, connection: &Connection) -> bool {
        self.is_damage()
            || matches!(self, Self::Sqlite(error) if is_ambiguous(error) && !is_sound(connection))
    }
}

/// Includes `-shm`, the index of the log: SQLite reports its failed creation with another code.
pub(super) fn is_full(error: &rusqlite::Error) -> bool {
    let extended = error.sqlite_error().map(|failure| failure.extended_code);
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
        || extended == Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE)
}

pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::*;
    match error {
        SqliteFailure(failure, _) => {
            matches!(failure.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
                || failure.extended_code == rusqlite::ffi::SQLITE_IOERR_SHORT_READ
        }
        FromSqlConversionFailure(..)
        | IntegralValueOutOfRange(..)
        | InvalidColumnType(..)
        | Utf8Error(..)
        | QueryReturnedNoRows => true,
        _ => false,
    }
}

/// A wrong statement or a damaged file. [`is_sound`] decides.
pub(super) fn is_ambiguous(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => {
            matches!(failure.code, ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch)
                || failure.extended_code == rusqlite::ffi::SQLITE_ERROR
        }
        rusqlite::Error::SqlInputError { .. } => true,
        _ => false,
    }
}

/// Returns whether the tables are those of this version and the file is consistent. Reads the whole file. An
/// error proves nothing.
pub(super) fn soundness(connection: &Connection) -> rusqlite::Result<bool> {
    let tables = |connection: &Connection| {
        let mut statement = connection.prepare("SELECT type, name, sql FROM sqlite_master ORDER BY name")?;
        let tables = statement.query_map((), |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, Option<String>>(2)?))
        })?;
        tables.collect::<rusqlite::Result<Vec<_>>>()
    };
    let check = || -> rusqlite::Result<bool> {
        let expected = Connection::open_in_memory()?;
        MIGRATIONS.iter().try_for_each(|migration| expected.execute_batch(migration))?;
        let report: String = connection.query_row("PRAGMA integrity_check(1)", (), |row| row.get(0))?;
        Ok(report == "ok" && tables(connection)? == tables(&expected)?)
    };
    match check() {
        Err(error) if is_damage(&error) || is_ambiguous(&error) => Ok(false),
        outcome => outcome,
    }
}

fn is_sound(connection: &Connection) -> bool {
    soundness(connection).unwrap_or(true)
}

/// Reads the file on disk, because an open connection may have its pages in a cache.
pub(super) fn is_sound_on_disk(path: &Path) -> bool {
    match open_for_reading(path, READER_BUSY_TIMEOUT) {
        Ok(connection) => is_sound(&connection),
        Err(fault) => !fault.is_damage(),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DatabaseAccess {
    /// Readers share the index of the log, which needs disk space.
    Shared,
    /// The index of the log is in memory.
    Exclusive,
}

/// Opens or creates a database and migrates it. Closing it keeps the log, because on a full disk its blocks
/// could not be allocated again.
pub(super) fn open(path: &Path, access: DatabaseAccess) -> Result<Connection, SpoolFault> {
    open_with(path, access, MIGRATIONS)
}

pub(super) fn open_with(
    path: &Path,
    access: DatabaseAccess,
    migrations: &[&str],
) -> Result<Connection, SpoolFault> {
    let is_new = private(path)?.metadata()?.len() == 0;
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(READER_BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    if access == DatabaseAccess::Exclusive {
        // Later SQLite would need `-shm`.
        connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE")?;
    }
    if is_new {
        // Effective before the first table only.
        connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL")?;
    }
    connection.execute_batch(
        // A commit must not change the database file: see `open_files`.
        "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 4194304;
         PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;",
    )?;
    migrate(&connection, migrations)?;
    Ok(connection)
}

/// Writes the log back and removes it.
pub(super) fn close(connection: Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    connection.close().map_err(|(_, error)| error)
}

/// Works also on a full disk. `timeout`: wait for an exclusive writer.
pub(super) fn open_for_reading(path: &Path, timeout: Duration) -> Result<Connection, SpoolFault> {
    match read_only(path, timeout) {
        // Without write access to the index, SQLite reads the log into memory.
        Err(fault) if fault.is_full() => read_only(Path::new(&with_index_as_it_is(path)?), timeout),
        opened => opened,
    }
}

/// The URI opens the database without changes to the index of the log.
fn with_index_as_it_is(path: &Path) -> io::Result<String> {
    let mut name = "file://".to_owned();
    for &byte in std::path::absolute(path)?.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
            name.push(char::from(byte));
        } else {
            write!(name, "%{byte:02x}").map_err(io::Error::other)?;
        }
    }
    Ok(name + "?readonly_shm=1")
}

fn read_only(path: &Path, timeout: Duration) -> Result<Connection, SpoolFault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(timeout)?;
    connection.execute_batch("PRAGMA cell_size_check = ON; PRAGMA query_only = ON;")?;
    known_version(&connection, MIGRATIONS.len())?;
    Ok(connection)
}

fn known_version(connection: &Connection, known: usize) -> Result<usize, SpoolFault> {
    let found: i64 = connection.query_row("PRAGMA user_version", (), |row| row.get(0))?;
    let again: i64 = connection.query_row("PRAGMA application_id", (), |row| row.get(0))?;
    match usize::try_from(found) {
        Ok(version) if version <= known => Ok(version),
        Ok(_) if found == again => Err(SpoolFault::Newer { found, known: known as i64 }),
        _ => Err(SpoolFault::Contradiction),
    }
}

fn migrate(connection: &Connection, migrations: &[&str]) -> Result<(), SpoolFault> {
    let version = known_version(connection, migrations.len())?;
    for (done, migration) in migrations.iter().enumerate().skip(version) {
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration)?;
        // Stored twice, so that a flipped bit does not look like a later version.
        for place in ["user_version", "application_id"] {
            transaction.pragma_update(None, place, done as i64 + 1)?;
        }
        transaction.commit()?;
    }
    Ok(())
}
