//! The SQLite file: how it is opened, its tables and their versions.

use super::files::private;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use std::fmt::Write;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

/// A transaction for each version, the first one for an empty file. What is released never changes.
///
/// Version 2 keeps the table `identity` of version 1, empty. Without it, other tables would have other root
/// pages in a file of version 1, and a lost first page could not be repaired with that of a new file.
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
];

/// How long SQLite waits for a lock that a reader of another process holds.
pub(super) const PATIENCE: Duration = Duration::from_millis(250);

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
    #[error("another process removed, replaced or truncated the spool's files")]
    Moved,
    #[error("another process truncated the write-ahead log")]
    Truncated,
}

impl Fault {
    pub(super) fn is_full(&self) -> bool {
        match self {
            Self::Sqlite(error) => is_full(error),
            Self::Io(error) => {
                matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            Self::Newer { .. } | Self::Contradiction | Self::Moved | Self::Truncated => false,
        }
    }

    /// Whether somebody else has the database open in a way that hinders.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy))
    }

    /// Returns whether the file's content is wrong. A disk that cannot be reached is not damage.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Sqlite(error) => is_damage(error),
            Self::Contradiction | Self::Truncated => true,
            Self::Io(_) | Self::Newer { .. } | Self::Moved => false,
        }
    }

    /// Returns whether the file proves damaged where the error alone leaves that open.
    pub(super) fn is_damage_of(&self, connection: &Connection) -> bool {
        self.is_damage()
            || matches!(self, Self::Sqlite(error) if is_ambiguous(error) && !is_sound(connection))
    }
}

/// Whether an error speaks of a disk that has no room, also none for the index of the log in `-shm`: SQLite
/// makes that anew whenever the file is opened, and has an error of its own when it cannot.
pub(super) fn is_full(error: &rusqlite::Error) -> bool {
    let extended = error.sqlite_error().map(|failure| failure.extended_code);
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
        || extended == Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE)
}

/// Returns whether an error proves that the file's content is wrong.
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

/// Returns whether an error is a fault of a statement or of the file: [`is_sound`] tells which.
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

/// Returns whether the tables are those of this schema version, and the whole file is consistent. Reads
/// all of it.
pub(super) fn is_sound(connection: &Connection) -> bool {
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
    // A check that the disk does not allow proves nothing.
    check().unwrap_or_else(|error| !is_damage(&error) && !is_ambiguous(&error))
}

/// Who may have the database open beside the one who writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Readers. They share the index of the log, a file that takes room.
    Shared,
    /// Nobody. The index of the log is in memory, and all the room that is needed is in the log.
    Alone,
}

/// Opens or makes a database for writing and brings it to the last version. Closing it leaves its log,
/// with its blocks: on a full disk they would not be had again.
pub(super) fn open(path: &Path, access: Access) -> Result<Connection, Fault> {
    open_with(path, access, MIGRATIONS)
}

pub(super) fn open_with(path: &Path, access: Access, migrations: &[&str]) -> Result<Connection, Fault> {
    let is_new = private(path)?.metadata()?.len() == 0;
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    if access == Access::Alone {
        // Before the log is opened: later it would not do without `-shm`.
        connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE")?;
    }
    if is_new {
        // Only before the first table does it take effect; later it would be written all the same.
        connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL")?;
    }
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 4194304;
         PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;",
    )?;
    migrate(&connection, migrations)?;
    Ok(connection)
}

/// Closes a database for good: its log is written back and taken away.
pub(super) fn close(connection: Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    connection.close().map_err(|(_, error)| error)
}

/// Opens a database that is there, for reading only; on a full disk without any room. `patience`: how long
/// it waits for one who has it alone.
pub(super) fn open_for_reading(path: &Path, patience: Duration) -> Result<Connection, Fault> {
    match read_only(path, patience) {
        // Where nobody writes, SQLite reads the log into memory for want of an index that it may change.
        Err(fault) if fault.is_full() => read_only(Path::new(&with_index_as_it_is(path)?), patience),
        opened => opened,
    }
}

/// A name for the database that tells SQLite not to change the index of the log.
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

fn read_only(path: &Path, patience: Duration) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(patience)?;
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
