//! Durable queue of records by lane, in one SQLite file.
//!
//! The spool stores opaque bytes and knows nothing of HTTP, Kafka or records. One writer thread commits jobs
//! in groups and completes each job after its commit. Reads use a connection of their own.
//!
//! The spool's directory holds `spool.db` with `-wal` and `-shm`, `lock`, and `reserve`. The reserve is in
//! addition to `max_bytes`: on a full disk it becomes the `-wal`, so that deletes have room. A damaged file
//! is kept as `spool.db.damaged-<n>`.

mod disk_reserve;
mod file_swap;
mod files;
mod group_commit;
mod handle;
mod inspection;
mod job_queue;
mod known_state;
mod lane_account;
mod limits;
mod open_files;
mod parked_rows;
mod reader;
mod row_copier;
mod salvage;
mod schema;
mod shared;
mod store;
mod store_transaction;
mod stored_row;
mod verification;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use files::is_writable_by_all;
#[allow(unreachable_pub, reason = "exported by `internals`")]
pub use handle::Spool;
pub(crate) use inspection::{InspectedRow, Inspection, LaneStatus, RowSelection};

use bytes::Bytes;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Time after which a commit counts as hung, longer than any on a working disk. The spool then accepts
/// nothing until an operation takes less time.
pub(crate) const COMMIT_TIMEOUT: Duration = Duration::from_secs(1);

/// Time to wait for the close of a spool whose disk hangs.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Settings under `spool`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Directory of the spool's files. `None`: there is no spool.
    pub directory: Option<PathBuf>,
    /// Limit on bytes on disk, the write-ahead log included.
    pub max_bytes: u64,
    /// Percentage of `max_bytes` that one lane may fill.
    pub max_lane_share: u8,
}

impl Config {
    /// Returns the largest number of bytes on disk: `max_bytes` and the reserve.
    pub fn bytes_on_disk(&self) -> u64 {
        self.max_bytes.saturating_add(limits::SpoolLimits::new(self, 0).reserve)
    }
}

/// Returns whether a bridge uses the spool in `directory` now. Creates nothing. During the check, a bridge
/// that starts would find the spool in use.
///
/// # Errors
///
/// If the lock cannot be read.
pub(crate) fn is_in_use(directory: &Path) -> io::Result<bool> {
    files::SpoolFiles::new(directory).is_locked()
}

/// Id of a row. Later rows have greater ids, and no id is used twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(pub i64);

/// Record to append.
#[derive(Debug, Clone)]
pub struct SpoolEntry {
    /// Name of the lane.
    pub lane: Arc<str>,
    /// Content of the row.
    pub payload: Bytes,
    /// True if a delivery of the record is still in flight and will be reported.
    pub handed_over: bool,
    /// Limit on the bytes of the lane, if it is lower than the lane's share.
    pub max_lane_bytes: Option<u64>,
}

/// Callback for the result of a job, with the new rows. Called exactly once, on the writer thread.
pub(crate) type Completion = Box<dyn FnOnce(Result<&[RowId], AppendError>) + Send>;

/// Entries that are appended in one transaction.
pub struct Append {
    /// Entries, in the order of their rows.
    pub entries: Vec<SpoolEntry>,
    /// Identity of the event, returned by [`Spool::take_identities`] after a restart.
    pub identity: Option<Identity>,
    /// Receives the rows in the order of the entries, after they are on disk.
    pub done: Completion,
}

/// Hash that is equal for two deliveries of the same event.
pub(crate) type Identity = [u8; 16];

/// Event identity with the time of its append, in milliseconds since 1970.
pub(crate) type RememberedIdentity = (Identity, i64);

/// Content of refused appends that is in the file nevertheless, because their commit failed after it had
/// reached the disk. The rows will be read, and no delivery report on them will arrive.
#[derive(Debug, Default)]
pub struct LateCommit {
    /// Rows, by lane.
    pub rows: Vec<LateRows>,
    /// Event identities, newest first.
    pub identities: Vec<RememberedIdentity>,
    /// True if the rows are all those of a file that another process put in the place of the spool's. Drains
    /// may have read beyond them.
    pub is_restored: bool,
}

/// Rows of one lane in a [`LateCommit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateRows {
    pub lane: Arc<str>,
    pub first: RowId,
    pub last: RowId,
    pub count: u64,
}

/// Reason why nothing was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum AppendError {
    /// The limit in bytes is reached.
    #[error("the spool is full")]
    Full,
    /// The lane's share is reached.
    #[error("the lane's share of the spool is full")]
    LaneFull,
    /// The disk failed, or the spool is closed.
    #[error("the spool's disk failed")]
    Disk,
}

/// Row that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Id of the row.
    pub id: RowId,
    /// True if this process appended it with [`SpoolEntry::handed_over`].
    pub handed_over: bool,
    /// Content of the row.
    pub payload: Bytes,
}

/// Page of a lane.
#[derive(Debug, Default)]
pub struct Page {
    /// Rows by id.
    pub rows: Vec<Row>,
    /// Last id that this page covers. Greater than the id of the last row at the end of the lane, or after
    /// damaged rows, which are set aside and counted.
    pub through: RowId,
}

/// Fill level of the spool, and counts since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Rows in all lanes.
    pub rows: u64,
    /// Bytes on disk now: pages in use and the write-ahead log.
    pub bytes: u64,
    /// `max_bytes`.
    pub limit: u64,
    /// Time of the oldest row's append, in milliseconds since 1970.
    pub oldest: Option<i64>,
    /// True if the spool accepts appends, according to the last write or probe, and no write hangs.
    pub is_accepting: bool,
    /// Counts since the spool was opened.
    pub totals: Totals,
}

/// Counts since the spool was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Appended rows.
    pub appended: u64,
    /// Delivered rows that were deleted.
    pub deleted: u64,
    /// Damaged rows, those lost with a damaged file included.
    pub damaged: u64,
    /// Parked rows.
    pub parked: u64,
    /// Refused appends and replacements.
    pub refused: u64,
}

/// Reason why the spool was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no spool to inspect.
    #[error("there is no spool in {0}")]
    Missing(PathBuf),
    /// Another process holds the lock.
    #[error("another process uses the spool in {0}")]
    InUse(PathBuf),
    /// A later release created the file.
    #[error("the spool in {directory} has schema version {found}, this program knows up to {known}")]
    Newer {
        /// The spool's directory.
        directory: PathBuf,
        /// Schema version of the file.
        found: i64,
        /// Latest schema version that this release knows.
        known: i64,
    },
    /// The disk or the file prevents it.
    #[error("the spool in {directory} cannot be opened: {reason}")]
    Failed {
        /// The spool's directory.
        directory: PathBuf,
        /// Error of the system or of SQLite.
        reason: String,
    },
}

/// Failed read of the spool; a later read may succeed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the spool cannot be read: {0}")]
pub struct ReadError(String);
