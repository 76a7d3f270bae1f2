//! The SQLite file: how it is opened, its tables and their versions.

use super::files::private;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use std::io;
use std::path::Path;
use std::time::Duration;

/// A transaction for each version, the first one for an empty file. What is released never changes.
pub(super) const MIGRATIONS: &[&str] = &["
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
"];

/// How long SQLite waits for a lock that a reader of another process holds.
const PATIENCE: Duration = Duration::from_millis(250);

/// Why a file could not be opened or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("schema version {found} is later than {known}")]
    Newer { found: i64, known: i64 },
    #[error("the file contradicts itself")]
    Contradiction,
}

impl Fault {
    pub(super) fn is_full(&self) -> bool {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code() == Some(ErrorCode::DiskFull),
            Self::Io(error) => {
                matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            Self::Newer { .. } | Self::Contradiction => false,
        }
    }

    /// Whether the file's content is wrong, rather than the disk not at hand.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Sqlite(error) => is_damage(error),
            Self::Contradiction => true,
            Self::Io(_) | Self::Newer { .. } => false,
        }
    }
}

/// Whether an error speaks of the file's content, rather than of a disk not at hand.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::*;
    match error {
        SqliteFailure(failure, _) => {
            matches!(
                failure.code,
                ErrorCode::DatabaseCorrupt
                    | ErrorCode::NotADatabase
                    | ErrorCode::ConstraintViolation
                    | ErrorCode::TypeMismatch
            ) || failure.extended_code == rusqlite::ffi::SQLITE_IOERR_SHORT_READ
                // Statements are fixed: this is a table or a column that is no longer there.
                || failure.extended_code == rusqlite::ffi::SQLITE_ERROR
        }
        SqlInputError { .. } => true,
        FromSqlConversionFailure(..)
        | IntegralValueOutOfRange(..)
        | InvalidColumnType(..)
        | Utf8Error(..)
        | QueryReturnedNoRows => true,
        _ => false,
    }
}

/// Opens or makes a database for writing and brings it to the last version.
pub(super) fn open(path: &Path) -> Result<Connection, Fault> {
    open_with(path, MIGRATIONS)
}

pub(super) fn open_with(path: &Path, migrations: &[&str]) -> Result<Connection, Fault> {
    private(path)?;
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Only before the first table does the vacuum mode take effect.
    connection.execute_batch(
        "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         PRAGMA journal_size_limit = 4194304; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;
         PRAGMA trusted_schema = OFF;",
    )?;
    migrate(&connection, migrations)?;
    Ok(connection)
}

/// Opens a database that is there, for reading only.
pub(super) fn open_for_reading(path: &Path) -> Result<Connection, Fault> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(PATIENCE)?;
    connection.execute_batch("PRAGMA cell_size_check = ON; PRAGMA query_only = ON;")?;
    known_version(&connection, MIGRATIONS.len())?;
    Ok(connection)
}

fn known_version(connection: &Connection, known: usize) -> Result<usize, Fault> {
    let found: i64 = connection.query_row("PRAGMA user_version", (), |row| row.get(0))?;
    let again: i64 = connection.query_row("PRAGMA application_id", (), |row| row.get(0))?;
    match usize::try_from(found) {
        Ok(version) if version <= known => Ok(version),
        Ok(_) if found == again => Err(Fault::Newer { found, known: known as i64 }),
        _ => Err(Fault::Contradiction),
    }
}

fn migrate(connection: &Connection, migrations: &[&str]) -> Result<(), Fault> {
    let version = known_version(connection, migrations.len())?;
    for (done, migration) in migrations.iter().enumerate().skip(version) {
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration)?;
        // Twice, so that a flipped bit is not taken for a later version.
        for place in ["user_version", "application_id"] {
            transaction.pragma_update(None, place, done as i64 + 1)?;
        }
        transaction.commit()?;
    }
    Ok(())
}
