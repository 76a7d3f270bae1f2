//! Proof that the files that are open are still the files on disk: SQLite does not notice their removal.

use super::files::beside;
use super::schema::Fault;
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

/// The database and its log as this process last left them.
#[derive(Debug)]
pub(super) struct OpenFiles {
    database: PathBuf,
    log: PathBuf,
    states: Cell<(Option<FileState>, Option<FileState>)>,
}

impl OpenFiles {
    /// Notes the files of a database that has just been opened.
    pub(super) fn of(database: &Path) -> io::Result<Self> {
        let (database, log) = (database.to_path_buf(), beside(database, "-wal"));
        let states = Cell::new((FileState::of(&database)?, FileState::of(&log)?));
        Ok(Self { database, log, states })
    }

    /// Notes the lengths after a change by this process.
    pub(super) fn note(&self) {
        let note = |known: Option<FileState>, path: &Path| {
            let found = FileState::of(path).ok().flatten();
            match known {
                Some(known) => found.filter(|found| found.is_same_file(&known)).or(Some(known)),
                None => found,
            }
        };
        let (database, log) = self.states.get();
        self.states.set((note(database, &self.database), note(log, &self.log)));
    }

    /// Compares the files on disk with the open ones.
    ///
    /// # Errors
    /// [`Fault::Moved`] if a file has another inode or the database is shorter, [`Fault::Truncated`] if
    /// only the log is shorter.
    pub(super) fn check(&self) -> Result<(), Fault> {
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
        if !is_same(database, found.0) || !is_same(log, found.1) || is_shorter(database, found.0) {
            return Err(Fault::Moved);
        }
        if is_shorter(log, found.1) { Err(Fault::Truncated) } else { Ok(()) }
    }
}
