//! Durable queue of opaque rows by lane, in one SQLite file. One writer thread commits jobs in groups and
//! completes each after its commit. Reads use a connection of their own. On a full disk `reserve`, which is
//! in addition to `max_bytes`, becomes `spool.db-wal`, so that deletes have room.

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

/// Time after which a commit counts as hung. The spool then refuses appends until the disk answers.
pub(crate) const COMMIT_TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Settings under `spool`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `None`: there is no spool.
    pub directory: Option<PathBuf>,
    /// Includes the write-ahead log.
    pub max_bytes: u64,
    /// Percentage of `max_bytes`.
    pub max_lane_share: u8,
}

impl Config {
    /// Returns `max_bytes` and the reserve.
    pub fn bytes_on_disk(&self) -> u64 {
        self.max_bytes.saturating_add(limits::SpoolLimits::new(self, 0).reserve)
    }
}

/// Returns whether a bridge uses the spool now. A bridge that starts during the check finds it in use.
pub(crate) fn is_in_use(directory: &Path) -> io::Result<bool> {
    files::SpoolFiles::new(directory).is_locked()
}

/// Id of a row, greater than all earlier ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(pub i64);

/// Record to append.
#[derive(Debug, Clone)]
pub struct SpoolEntry {
    /// Name of the lane.
    pub lane: Arc<str>,
    pub payload: Bytes,
    /// A delivery is in flight and will be reported.
    pub handed_over: bool,
    /// Limit on the lane, in bytes, if it is below the lane's share.
    pub max_lane_bytes: Option<u64>,
}

/// Receives the new rows. Called exactly once, on the writer thread.
pub(crate) type Completion = Box<dyn FnOnce(Result<&[RowId], AppendError>) + Send>;

/// Entries that are appended in one transaction.
pub struct Append {
    pub entries: Vec<SpoolEntry>,
    /// Returned by [`Spool::take_identities`] after a restart.
    pub identity: Option<Identity>,
    pub done: Completion,
}

/// Hash that is equal for two deliveries of the same event.
pub(crate) type Identity = [u8; 16];

/// Identity with the time of its append, in milliseconds since 1970.
pub(crate) type RememberedIdentity = (Identity, i64);

/// Refused appends that are in the file, because their commit failed after it had reached the disk. No
/// delivery report on them will arrive.
#[derive(Debug, Default)]
pub struct LateCommit {
    pub rows: Vec<LateRows>,
    /// Newest first.
    pub identities: Vec<RememberedIdentity>,
    /// The rows are all those of a file that another process put in place of the spool's. Drains may have
    /// read beyond them.
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
    #[error("the spool is full")]
    Full,
    #[error("the lane's share of the spool is full")]
    LaneFull,
    /// The disk failed, or the spool is closed.
    #[error("the spool's disk failed")]
    Disk,
}

/// Row that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub id: RowId,
    /// This process appended it with [`SpoolEntry::handed_over`].
    pub handed_over: bool,
    pub payload: Bytes,
}

/// Page of a lane.
#[derive(Debug, Default)]
pub struct Page {
    pub rows: Vec<Row>,
    /// Last id that this page covers, greater than that of its last row at the end of the lane or after
    /// damaged rows.
    pub through: RowId,
}

/// Fill level of the spool, and counts since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub rows: u64,
    /// Pages in use and the write-ahead log.
    pub bytes: u64,
    pub limit: u64,
    /// Append of the oldest row, in milliseconds since 1970.
    pub oldest: Option<i64>,
    /// False also while a write hangs.
    pub is_accepting: bool,
    pub totals: Totals,
}

/// Counts since the spool was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    pub appended: u64,
    pub deleted: u64,
    /// Includes rows lost with a damaged file.
    pub damaged: u64,
    pub parked: u64,
    /// Includes replacements.
    pub refused: u64,
}

/// Reason why the spool was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("there is no spool in {0}")]
    Missing(PathBuf),
    #[error("another process uses the spool in {0}")]
    InUse(PathBuf),
    #[error("the spool in {directory} has schema version {found}, this program knows up to {known}")]
    Newer {
        directory: PathBuf,
        /// Schema version of the file.
        found: i64,
        /// Latest schema version of this release.
        known: i64,
    },
    #[error("the spool in {directory} cannot be opened: {reason}")]
    Failed { directory: PathBuf, reason: String },
}

/// Failed read. A later one may succeed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the spool cannot be read: {0}")]
pub struct ReadError(String);
