//! Check that the open files are still the files on disk, because SQLite does not notice their removal.

use super::files::beside;
use super::schema::{SpoolFault, pragma};
use rusqlite::{Connection, Row};
use rustix::fs::SeekFrom;
use std::cell::Cell;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Format of the log (<https://www.sqlite.org/fileformat2.html#the_write_ahead_log>): bytes of its header and
/// of a frame's header, and the first four bytes.
pub(super) const LOG_HEADER: u64 = 32;
const LOG_FRAME_HEADER: u64 = 24;
const LOG_MAGIC: [u32; 2] = [0x377f_0682, 0x377f_0683];

/// Bytes of a block of `st_blocks`.
const BLOCK_BYTES: u64 = 512;

/// Type of ZFS in `statfs`.
const ZFS_MAGIC: u64 = 0x2fc1_2fc1;

/// Identity, size and time of the last change of a file.
#[derive(Debug, Clone, Copy)]
struct FileState {
    device: u64,
    inode: u64,
    bytes: u64,
    /// Allocated blocks.
    blocks: u64,
    modified: (i64, i64),
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
        Self {
            device: found.dev(),
            inode: found.ino(),
            bytes: found.len(),
            blocks: found.blocks(),
            modified: (found.mtime(), found.mtime_nsec()),
        }
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
    /// True if another process may have changed the content of the database.
    is_suspect: Cell<bool>,
}

impl OpenFiles {
    /// Records the files of a database that was just opened.
    pub(super) fn of(database: &Path) -> io::Result<Self> {
        let (database, log) = (database.to_path_buf(), beside(database, "-wal"));
        let states = Cell::new((FileState::of(&database)?, FileState::of(&log)?));
        Ok(Self { database, log, states, is_suspect: Cell::new(false) })
    }

    /// Records the length of the log after a commit by this process, which does not change the database. A log
    /// without the committed content is not recorded: the next check reports it.
    pub(super) fn record_commit(&self, connection: &Connection) {
        let (database, log) = self.states.get();
        let has_content = |found: &FileState| self.lacks_content(connection, Some(*found)).is_none();
        // SQLite shortens a log that was written back at the next commit.
        let log = recorded(log, &self.log, |found, known| found.bytes >= known.bytes || has_content(found));
        self.states.set((database.or_else(|| FileState::of(&self.database).ok().flatten()), log));
    }

    /// Records the files after a checkpoint by this process, which may shorten both.
    ///
    /// If the database has its length and lacks an eighth of its blocks, another process may have truncated it
    /// during the checkpoint. Smaller differences occur on file systems that compress.
    pub(super) fn record_checkpoint(&self, connection: &Connection, is_complete: bool) {
        let (known, log) = self.states.get();
        let database = recorded(known, &self.database, |found, known| {
            found.bytes >= known.bytes || has_all_pages(connection, Some(*found))
        });
        let log = recorded(log, &self.log, |found, known| found.bytes >= known.bytes || is_complete);
        let lost_blocks = known.zip(database).is_some_and(|(known, found)| {
            // XFS allocates blocks behind the end, and returns them by itself.
            let needed = known.blocks.min(known.bytes.div_ceil(BLOCK_BYTES));
            found.bytes >= known.bytes && found.blocks < needed - needed / 8
        });
        self.is_suspect.set(self.is_suspect.get() || lost_blocks);
        self.states.set((database, log));
    }

    /// Notices a change of the database by another process, before a checkpoint.
    pub(super) fn note_change(&self) {
        self.suspect(FileState::of(&self.database).ok().flatten());
    }

    fn suspect(&self, found: Option<FileState>) {
        let (known, log) = self.states.get();
        if let (Some(known), Some(found)) = (known, found)
            && known.is_same_file(&found)
            && known.modified != found.modified
            && found.bytes >= known.bytes
        {
            self.is_suspect.set(true);
            self.states.set((Some(found), log));
        }
    }

    /// Returns whether the content of the database must be verified, and forgets it.
    pub(super) fn take_suspicion(&self) -> bool {
        self.is_suspect.take()
    }

    pub(super) fn database(&self) -> &Path {
        &self.database
    }

    /// Returns the bytes of both files, as this process last left them.
    pub(super) fn bytes(&self) -> u64 {
        let (database, log) = self.states.get();
        [database, log].into_iter().flatten().map(|file| file.bytes).sum()
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
        if is_log_shorter && let Some(fault) = self.lacks_content(connection, found.1) {
            return Err(fault);
        }
        self.suspect(found.0);
        if is_database_shorter || is_log_shorter {
            self.is_suspect.set(self.is_suspect.get() || is_database_shorter);
            self.states.set(found);
            if !self.is_suspect.get() {
                self.warn_of_writer();
            }
        }
        Ok(())
    }

    /// Logs that another process wrote to the files and nothing is lost.
    pub(super) fn warn_of_writer(&self) {
        tracing::warn!(
            database = %self.database.display(),
            "another process ran VACUUM or a checkpoint on the spool's database: nothing is lost; open the \
             database for reading only, because appends wait for other writers"
        );
    }

    /// Like [`OpenFiles::check`], after [`OpenFiles::record_commit`]. Reads the log's index too, because a log that was truncated
    /// during the commit may have its length back, with a gap.
    pub(super) fn check_commit(&self, connection: &Connection) -> Result<(), SpoolFault> {
        self.check(connection)?;
        self.lacks_content(connection, self.states.get().1).map_or(Ok(()), Err)
    }

    /// Returns the fault if the log lacks content that is not yet in the database.
    fn lacks_content(&self, connection: &Connection, log: Option<FileState>) -> Option<SpoolFault> {
        let needed = match unwritten_bytes(connection) {
            Ok(needed) => needed,
            Err(error) => return Some(error.into()),
        };
        let bytes = log.map_or(0, |log| log.bytes);
        (bytes < needed || needed > 0 && has_gap(&self.log, needed)).then_some(SpoolFault::Truncated)
    }
}

/// Returns the state of a file, or the known one if this process has not caused the difference.
fn recorded(
    known: Option<FileState>,
    path: &Path,
    is_own: impl Fn(&FileState, &FileState) -> bool,
) -> Option<FileState> {
    let found = FileState::of(path).ok().flatten();
    match known {
        Some(known) => {
            found.filter(|found| found.is_same_file(&known) && is_own(found, &known)).or(Some(known))
        }
        None => found,
    }
}

/// Returns whether the database has the number of pages in its header. `false` if the header is missing.
fn has_all_pages(connection: &Connection, database: Option<FileState>) -> bool {
    let number = |name| pragma(connection, name).unwrap_or(0);
    let pages = number("page_count");
    pages > 0 && database.is_some_and(|found| pages.saturating_mul(number("page_size")) <= found.bytes)
}

/// Returns the length of the log that its index requires. 0: everything is in the database. Writes nothing.
fn unwritten_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let frames = |row: &Row<'_>| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
    let (frames, written_back) =
        connection.prepare_cached("PRAGMA wal_checkpoint(NOOP)")?.query_row((), frames)?;
    if frames <= written_back {
        return Ok(0);
    }
    Ok(LOG_HEADER + frames.unsigned_abs() * (LOG_FRAME_HEADER + pragma(connection, "page_size")?))
}

/// Returns whether the first `needed` bytes of a log lack its header or have a hole. SQLite writes a log
/// without holes. On a file system that does not report holes, there are none. ZFS would first write every change
/// to disk, so its holes are not found.
fn has_gap(log: &Path, needed: u64) -> bool {
    let Ok(file) = File::open(log) else { return false };
    let mut magic = [0; 4];
    let is_log = file.read_exact_at(&mut magic, 0).is_ok() && LOG_MAGIC.contains(&u32::from_be_bytes(magic));
    let is_zfs =
        || rustix::fs::fstatfs(&file).is_ok_and(|found| u64::try_from(found.f_type) == Ok(ZFS_MAGIC));
    !is_log || !is_zfs() && rustix::fs::seek(&file, SeekFrom::Hole(0)).is_ok_and(|hole| hole < needed)
}
