//! A durable queue of records by lane, on one SQLite file.
//!
//! The spool keeps opaque bytes: it knows no HTTP, no Kafka and no record. One writer thread commits
//! what has gathered and only then tells those who wait. Reads come from a connection of their own.
//!
//! On disk are, in a directory of its own: `spool.db` with its `-wal` and `-shm`, `lock`, and `reserve`,
//! which is beyond `max_bytes`: room for the deletes that empty a spool on a full disk, when it becomes the
//! `-wal`. A damaged file is
//! set aside as `spool.db.damaged-<n>`.

mod damage;
mod files;
mod group;
mod handle;
mod inspect;
mod limits;
mod parked;
mod place;
mod queue;
mod reader;
mod reserve;
mod schema;
mod store;
mod watch;
mod writer;

#[cfg(test)]
mod tests;

pub use files::is_writable_by_all;
pub use handle::Spool;
pub use inspect::{InspectedRow, Inspection, Kept, LaneStatus, SetAside};

use bytes::Bytes;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Settings under `spool`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the spool's files are. `None`: there is no spool.
    pub directory: Option<PathBuf>,
    /// Bytes on disk at most, the write-ahead log included.
    pub max_bytes: u64,
    /// Per cent of `max_bytes` that one lane may fill.
    pub max_lane_share: u8,
}

impl Config {
    /// Bytes that the spool takes of its disk at most: `max_bytes` and the reserve beyond.
    pub fn bytes_on_disk(&self) -> u64 {
        self.max_bytes.saturating_add(limits::Limits::new(self, 0).reserve)
    }
}

/// Whether a bridge uses the spool in `directory` now. Makes nothing there. While it looks, for an
/// instant, a bridge that starts would find the spool in use.
///
/// # Errors
/// When the lock cannot be looked at.
pub fn is_in_use(directory: &Path) -> io::Result<bool> {
    files::Files::new(directory).is_locked()
}

/// A row's place in the spool. Later rows have greater ones, and none is used twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(pub i64);

/// A record to be appended.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The lane's name.
    pub lane: Arc<str>,
    /// What is kept.
    pub payload: Bytes,
    /// Whether somebody else still tries to deliver it and will say how that ended.
    pub handed_over: bool,
    /// Bytes that the lane may hold at most, where that is less than its share.
    pub max_lane_bytes: Option<u64>,
}

/// Told once how it ended, with the new rows.
pub type Told = Box<dyn FnOnce(Result<&[RowId], Refused>) + Send>;

/// What is appended in one transaction: all of it or nothing.
pub struct Append {
    /// In the order in which their rows follow each other.
    pub entries: Vec<Entry>,
    /// The identity of the event, returned by [`Spool::take_identities`] after a restart.
    pub identity: Option<Identity>,
    /// Told once how it ended, on the writer thread: the rows in the order of the entries, after they
    /// are on disk.
    pub done: Told,
}

/// What makes two deliveries the same event.
pub type Identity = [u8; 16];

/// An event identity with the time of its append, in milliseconds since 1970.
pub type Remembered = (Identity, i64);

/// Content of refused appends that is in the file all the same: their commit failed after it had reached the
/// disk. The rows will be read, and no report on them will come.
#[derive(Debug, Default)]
pub struct Recount {
    /// Rows by id, each with its lane.
    pub rows: Vec<(Arc<str>, RowId)>,
    /// Event identities, the newest first.
    pub identities: Vec<Remembered>,
}

/// Why nothing was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refused {
    /// The limit in bytes is reached.
    #[error("the spool is full")]
    Full,
    /// The lane's share is reached.
    #[error("the lane's share of the spool is full")]
    LaneFull,
    /// The disk does not take it.
    #[error("the spool's disk fails")]
    Disk,
}

/// A row that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its place.
    pub id: RowId,
    /// Whether it was appended as handed over, by this process.
    pub handed_over: bool,
    /// What was kept.
    pub payload: Bytes,
}

/// A page of a lane.
#[derive(Debug, Default)]
pub struct Page {
    /// In order.
    pub rows: Vec<Row>,
    /// Up to here, this row included, nothing of the lane is left to read. Further than the last row
    /// where the lane ends, or where rows are damaged: those are set aside and counted.
    pub through: RowId,
}

/// How full the spool is, and what it did since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Rows in all lanes.
    pub rows: u64,
    /// Bytes on disk now: pages in use and the write-ahead log.
    pub bytes: u64,
    /// `max_bytes`.
    pub limit: u64,
    /// When the oldest row was appended, in milliseconds since 1970.
    pub oldest: Option<i64>,
    /// Whether an append would be taken, as far as the last write or probe tells.
    pub taking: bool,
    /// Counts since the spool was opened.
    pub totals: Totals,
}

/// Counts since the spool was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Rows appended.
    pub appended: u64,
    /// Rows deleted because they were delivered.
    pub deleted: u64,
    /// Rows found damaged, those lost with a damaged file included.
    pub damaged: u64,
    /// Rows parked.
    pub parked: u64,
    /// Appends and replacements refused.
    pub refused: u64,
}

/// Why the spool was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is nothing to inspect.
    #[error("there is no spool in {0}")]
    Missing(PathBuf),
    /// The lock is held.
    #[error("another process uses the spool in {0}")]
    InUse(PathBuf),
    /// A later release made it.
    #[error("the spool in {directory} has schema version {found}, this program knows up to {known}")]
    Newer {
        /// The spool's directory.
        directory: PathBuf,
        /// The version in the file.
        found: i64,
        /// The last version known here.
        known: i64,
    },
    /// The disk or the file does not allow it.
    #[error("the spool in {directory} cannot be opened: {reason}")]
    Failed {
        /// The spool's directory.
        directory: PathBuf,
        /// What the system or SQLite says.
        reason: String,
    },
}

/// The spool could not be read now; a later read may succeed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the spool cannot be read: {0}")]
pub struct ReadError(String);
