//! Check that the open files are still the files on disk, because SQLite does not notice their removal.

use super::files::beside;
use super::schema::SpoolFault;
use rusqlite::Connection;
use std::cell::Cell;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Device, inode and length of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileState {
    device: u64,
    inode: u64,
    bytes: u64,
}

impl FileState {
    /// Returns `None` if no file has this name.
    fn of(path: &Path) -> io::Result<Option<Self>> {
        match std::fs::metadata(path) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(None)
            }
            found => found.map(|found| Some(Self::from(&found))),
        }
    }

    fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

impl From<&Metadata> for FileState {
    fn from(found: &Metadata) -> Self {
        Self { device: found.dev(), inode: found.ino(), bytes: found.len() }
    }
}

/// Returns whether `path` still names the open file `file`.
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let open = FileState::from(&file.metadata()?);
    Ok(FileState::of(path)?.is_some_and(|found| found.is_same_file(&open)))
}

/// Database and log as this process last left them.
#[derive(Debug)]
pub(super) struct OpenFiles {
    database: PathBuf,
    log: PathBuf,
    states: Cell<(Option<FileState>, Option<FileState>)>,
}

impl OpenFiles {
    /// Records the files of a database that was just opened.
    pub(super) fn of(database: &Path) -> io::Result<Self> {
        let (database, log) = (database.to_path_buf(), beside(database, "-wal"));
        let states = Cell::new((FileState::of(&database)?, FileState::of(&log)?));
        Ok(Self { database, log, states })
    }

    /// Records the lengths after a change by this process.
    pub(super) fn record(&self) {
        let record = |known: Option<FileState>, path: &Path| {
            let found = FileState::of(path).ok().flatten();
            match known {
                Some(known) => found.filter(|found| found.is_same_file(&known)).or(Some(known)),
                None => found,
            }
        };
        let (database, log) = self.states.get();
        self.states.set((record(database, &self.database), record(log, &self.log)));
    }

    /// Compares the files on disk with the open ones of `connection`.
    ///
    /// Two truncations by another process are not errors: of the log after a checkpoint, and of the database
    /// after VACUUM.
    ///
    /// # Errors
    ///
    /// [`SpoolFault::Moved`] if a file has another inode or the database lacks pages,
    /// [`SpoolFault::Truncated`] if only the log lacks content.
    pub(super) fn check(&self, connection: &Connection) -> Result<(), SpoolFault> {
        let (database, log) = self.states.get();
        let is_same = |known: Option<FileState>, found: Option<FileState>| match (known, found) {
            (Some(known), Some(found)) => known.is_same_file(&found),
            (Some(_), None) => false,
            (None, _) => true,
        };
        let is_shorter = |known: Option<FileState>, found: Option<FileState>| {
            known.zip(found).is_some_and(|(known, found)| found.bytes < known.bytes)
        };
        let found = (FileState::of(&self.database)?, FileState::of(&self.log)?);
        if !is_same(database, found.0) || !is_same(log, found.1) {
            return Err(SpoolFault::Moved);
        }
        let (is_database_shorter, is_log_shorter) = (is_shorter(database, found.0), is_shorter(log, found.1));
        if is_database_shorter && !has_all_pages(connection, found.0) {
            return Err(SpoolFault::Moved);
        }
        if is_log_shorter && !is_written_back(connection, found.1) {
            return Err(SpoolFault::Truncated);
        }
        if is_database_shorter || is_log_shorter {
            self.record();
            tracing::warn!(
                database = %self.database.display(),
                "another process ran VACUUM or a checkpoint on the spool's database: nothing is lost; open the \
                 database for reading only, because appends wait for other writers"
            );
        }
        Ok(())
    }
}

/// Returns whether the database has the number of pages in its header. `false` if the header is missing.
fn has_all_pages(connection: &Connection, database: Option<FileState>) -> bool {
    let pragma = |name| {
        let number = connection.query_row(&format!("PRAGMA {name}"), (), |row| row.get::<_, i64>(0));
        number.unwrap_or(0).unsigned_abs()
    };
    let pages = pragma("page_count");
    pages > 0 && database.is_some_and(|found| pages.saturating_mul(pragma("page_size")) <= found.bytes)
}

/// Returns whether the index of an empty log is empty too. If not, the passive checkpoint fails or reports
/// frames, and writes nothing.
fn is_written_back(connection: &Connection, log: Option<FileState>) -> bool {
    let frames = || connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |row| row.get::<_, i64>(1));
    log.is_some_and(|found| found.bytes == 0) && frames().is_ok_and(|frames| frames == 0)
}
