//! Check that the open files are still the files on disk, because SQLite does not notice their removal.

use super::files::beside;
use super::schema::{PAGE_BYTES, SpoolFault, pragma};
use rusqlite::{Connection, Row};
use rustix::fs::SeekFrom;
use std::cell::{Cell, OnceCell};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Format of the log (<https://www.sqlite.org/fileformat2.html#the_write_ahead_log>): bytes of its header and
/// of a frame's header, and the first four bytes.
pub(super) const LOG_HEADER: u64 = 32;
const LOG_FRAME_HEADER: u64 = 24;
const LOG_MAGIC: [u32; 2] = [0x377f_0682, 0x377f_0683];

const BLOCK_BYTES: u64 = 512;

/// Type of ZFS in `statfs`.
const ZFS_MAGIC: u64 = 0x2fc1_2fc1;

#[derive(Debug, Clone, Copy)]
struct FileState {
    device: u64,
    inode: u64,
    bytes: u64,
    blocks: u64,
    modified: (i64, i64),
}

impl FileState {
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

#[derive(Debug)]
pub(super) struct OpenFiles {
    database: PathBuf,
    log: PathBuf,
    states: Cell<(FileState, Option<FileState>)>,
    content: OnceCell<LogContent>,
    /// Another process may have changed the content of the database.
    is_suspect: Cell<bool>,
    /// Another process wrote to the log. SQLite's recovery would end at a frame with a wrong checksum.
    is_log_suspect: Cell<bool>,
}

impl OpenFiles {
    /// Fails with [`SpoolFault::Moved`] if the database is no longer on disk.
    pub(super) fn of(database: &Path) -> Result<Self, SpoolFault> {
        let (database, log) = (database.to_path_buf(), beside(database, "-wal"));
        let found = FileState::of(&database)?.ok_or(SpoolFault::Moved)?;
        let states = Cell::new((found, FileState::of(&log)?));
        let (is_suspect, is_log_suspect) = (Cell::new(false), Cell::new(false));
        Ok(Self { database, log, states, content: OnceCell::new(), is_suspect, is_log_suspect })
    }

    /// Records the length of the log after a commit, which does not change the database. A log without the
    /// committed content is not recorded, so the next check reports it.
    pub(super) fn record_commit(&self, connection: &Connection) {
        let (database, log) = self.states.get();
        let has_content = |found: &FileState| self.lacks_content(connection, Some(*found)).is_none();
        // SQLite shortens a log that was written back at the next commit.
        let log = recorded(log, &self.log, |found, known| found.bytes >= known.bytes || has_content(found));
        self.states.set((database, log));
    }

    /// Records the files after a checkpoint, which may shorten both. Another process may have truncated a
    /// database of the same length that lacks an eighth of its blocks. File systems that compress cause
    /// smaller differences.
    pub(super) fn record_checkpoint(&self, connection: &Connection, is_complete: bool) {
        let (known, log) = self.states.get();
        let database = recorded(Some(known), &self.database, |found, known| {
            found.bytes >= known.bytes || has_all_pages(connection, found)
        });
        let found = database.unwrap_or(known);
        let log = recorded(log, &self.log, |found, known| found.bytes >= known.bytes || is_complete);
        self.is_log_suspect.set(self.is_log_suspect.get() && !is_complete);
        // XFS allocates blocks behind the end, and returns them by itself.
        let needed = known.blocks.min(known.bytes.div_ceil(BLOCK_BYTES));
        let lost_blocks = found.bytes >= known.bytes && found.blocks < needed - needed / 8;
        self.is_suspect.set(self.is_suspect.get() || lost_blocks);
        self.states.set((found, log));
    }

    pub(super) fn note_change(&self) {
        self.suspect(FileState::of(&self.database).ok().flatten());
    }

    fn suspect(&self, found: Option<FileState>) {
        let (known, log) = self.states.get();
        if let Some(found) = found
            && known.is_same_file(&found)
            && known.modified != found.modified
            && found.bytes >= known.bytes
        {
            self.is_suspect.set(true);
            self.states.set((found, log));
        }
    }

    pub(super) fn is_suspect(&self) -> bool {
        self.is_suspect.get()
    }

    pub(super) fn set_suspect(&self, is_suspect: bool) {
        self.is_suspect.set(is_suspect);
    }

    /// Returns true if the log must be written back before it gets another row.
    pub(super) fn is_log_suspect(&self) -> bool {
        self.is_log_suspect.get()
    }

    pub(super) fn database(&self) -> &Path {
        &self.database
    }

    pub(super) fn bytes(&self) -> u64 {
        let (database, log) = self.states.get();
        database.bytes + log.map_or(0, |log| log.bytes)
    }

    pub(super) fn log_bytes(&self) -> u64 {
        self.states.get().1.map_or(0, |log| log.bytes)
    }

    /// Compares the files on disk with the open ones. Fails if a file has another inode, the database lacks
    /// pages, or the log lacks content. Accepts a log that was truncated after a checkpoint, and a database
    /// after VACUUM.
    pub(super) fn check(&self, connection: &Connection) -> Result<(), SpoolFault> {
        let (database, log) = self.states.get();
        let found = FileState::of(&self.database)?.filter(|found| found.is_same_file(&database));
        let found_log = FileState::of(&self.log)?;
        // A new log is compared by its content, after a commit.
        let is_same_log = log.is_none_or(|log| found_log.is_some_and(|found| found.is_same_file(&log)));
        let Some(found) = found.filter(|_| is_same_log) else { return Err(SpoolFault::Moved) };
        let is_database_shorter = found.bytes < database.bytes;
        let is_log_shorter = log.zip(found_log).is_some_and(|(log, found)| found.bytes < log.bytes);
        if is_database_shorter && !has_all_pages(connection, &found) {
            return Err(SpoolFault::Moved);
        }
        if is_log_shorter && let Some(fault) = self.lacks_content(connection, found_log) {
            return Err(fault);
        }
        self.suspect(Some(found));
        if log.zip(found_log).is_some_and(|(log, found)| found.modified != log.modified) {
            self.is_suspect.set(true);
            self.is_log_suspect.set(true);
        }
        if is_database_shorter || is_log_shorter {
            self.is_suspect.set(self.is_suspect.get() || is_database_shorter);
            self.states.set((found, found_log));
            if !self.is_suspect.get() {
                self.warn_of_writer();
            }
        }
        self.states.set((self.states.get().0, found_log));
        Ok(())
    }

    pub(super) fn warn_of_writer(&self) {
        tracing::warn!(
            database = %self.database.display(),
            "another process ran VACUUM or a checkpoint on the spool's database: nothing is lost; open the \
             database for reading only, because appends wait for other writers"
        );
    }

    /// Reads the log's index too, because a log that was truncated during the commit may have its length
    /// back, with a gap.
    pub(super) fn check_commit(&self, connection: &Connection) -> Result<(), SpoolFault> {
        self.check(connection)?;
        self.lacks_content(connection, self.states.get().1).map_or(Ok(()), Err)
    }

    fn lacks_content(&self, connection: &Connection, log: Option<FileState>) -> Option<SpoolFault> {
        let needed = match unwritten_bytes(connection) {
            Ok(needed) => needed,
            Err(error) => return Some(error.into()),
        };
        let bytes = log.map_or(0, |log| log.bytes);
        (bytes < needed || needed > 0 && self.has_gap(needed)).then_some(SpoolFault::Truncated)
    }

    fn has_gap(&self, needed: u64) -> bool {
        if self.content.get().is_none()
            && let Ok(content) = LogContent::open(&self.log)
        {
            drop(self.content.set(content));
        }
        self.content.get().is_some_and(|content| content.has_gap(needed))
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

/// Each frame of the log may be a new page. The first page must be there, because SQLite deletes a log beside
/// an empty database.
fn has_all_pages(connection: &Connection, database: &FileState) -> bool {
    let pages = pragma(connection, "page_count").unwrap_or(0);
    let Ok(frames) = unwritten_frames(connection) else { return false };
    pages > 0 && pages.saturating_sub(frames).max(1).saturating_mul(PAGE_BYTES) <= database.bytes
}

/// Returns the length of the log that its index requires. 0: everything is in the database.
fn unwritten_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let (frames, written_back) = log_frames(connection)?;
    if frames <= written_back {
        return Ok(0);
    }
    Ok(LOG_HEADER + frames * (LOG_FRAME_HEADER + PAGE_BYTES))
}

fn unwritten_frames(connection: &Connection) -> rusqlite::Result<u64> {
    log_frames(connection).map(|(frames, written_back)| frames.saturating_sub(written_back))
}

/// Returns the number of frames in the log, and of those that are in the database.
fn log_frames(connection: &Connection) -> rusqlite::Result<(u64, u64)> {
    let number = |row: &Row<'_>, at| row.get::<_, i64>(at).map(|number| number.max(0).unsigned_abs());
    connection
        .prepare_cached("PRAGMA wal_checkpoint(NOOP)")?
        .query_row((), |row| Ok((number(row, 1)?, number(row, 2)?)))
}

#[derive(Debug)]
struct LogContent {
    file: File,
    /// There, the search for holes would first write every change to disk.
    is_zfs: bool,
}

impl LogContent {
    fn open(log: &Path) -> io::Result<Self> {
        let file = File::open(log)?;
        let is_zfs =
            rustix::fs::fstatfs(&file).is_ok_and(|found| u64::try_from(found.f_type) == Ok(ZFS_MAGIC));
        Ok(Self { file, is_zfs })
    }

    /// Returns whether the first `needed` bytes lack the header or have a hole. SQLite writes a log without
    /// holes.
    fn has_gap(&self, needed: u64) -> bool {
        let mut magic = [0; 4];
        let is_log =
            self.file.read_exact_at(&mut magic, 0).is_ok() && LOG_MAGIC.contains(&u32::from_be_bytes(magic));
        let has_hole = || rustix::fs::seek(&self.file, SeekFrom::Hole(0)).is_ok_and(|hole| hole < needed);
        !is_log || !self.is_zfs && has_hole()
    }
}
