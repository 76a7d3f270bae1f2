//! A durable queue of records by lane, on one SQLite file.
//!
//! The spool keeps opaque bytes: it knows no HTTP, no Kafka and no record. One writer thread commits
//! what has gathered and only then tells those who wait. Reads come from a connection of their own.

use bytes::Bytes;
use std::path::PathBuf;
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

/// A row's place in the spool. Later rows have greater ones, and none is used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// What is appended in one transaction: all of it or nothing.
pub struct Append {
    /// In the order in which their rows follow each other.
    pub entries: Vec<Entry>,
    /// The identity of the event, asked for by [`Spool::knows`].
    pub identity: Option<Identity>,
    /// Told once how it ended, on the writer thread: the rows in the order of the entries, after they
    /// are on disk.
    pub done: Box<dyn FnOnce(Result<&[RowId], Refused>) + Send>,
}

/// What makes two deliveries the same event.
pub type Identity = [u8; 24];

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
    /// Rows of this lane that were found damaged since the last page and will never be read: they are
    /// set aside and counted.
    pub damaged: u64,
}
