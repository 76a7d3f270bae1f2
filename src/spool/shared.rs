//! State that the handle and the writer thread share.

use super::files::SpoolFiles;
use super::job_queue::JobQueue;
use super::limits::SpoolLimits;
use super::reader::PageReader;
use super::{COMMIT_TIMEOUT, LateCommit, Usage};
use parking_lot::Mutex;
use std::sync::OnceLock;
#[cfg(test)]
use std::sync::atomic::Ordering;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};
use std::time::Instant;

/// State that the handle and the writer thread share.
pub(super) struct SharedSpool {
    pub(super) files: SpoolFiles,
    pub(super) limits: SpoolLimits,
    pub(super) queue: JobQueue,
    pub(super) reader: Mutex<PageReader>,
    /// Never locked during an access to the disk, which may hang.
    pub(super) usage: Mutex<Usage>,
    /// Start of the writer's present operation. `None` while it waits for jobs.
    pub(super) busy_since: Mutex<Option<Instant>>,
    /// Last row that is known to be committed. Later rows may be of a late commit: no read returns them
    /// before they are reported.
    pub(super) committed: AtomicI64,
    pub(super) on_late_commit: OnceLock<Box<dyn Fn(LateCommit) + Send + Sync>>,
    pub(super) closed: AtomicBool,
    /// Delete jobs so far: queued, and taken by the writer by the time at which it had no delete left.
    pub(super) deletes_queued: AtomicU64,
    pub(super) deletes_done: AtomicU64,
    /// Rows that were lost since the spool was opened.
    pub(super) lost: AtomicU64,
    /// Limit on the pages of the file, to simulate a full disk. 0: no limit.
    #[cfg(test)]
    pub(super) pages: std::sync::atomic::AtomicU32,
    /// Makes the next commit with a waiting job report a failure after it reached the disk, like a failed
    /// sync.
    #[cfg(test)]
    pub(super) fail_next_commit: AtomicBool,
    /// Actions of another process during the close: after the last commit, and before SQLite closes the file.
    #[cfg(test)]
    pub(super) interference: Mutex<std::collections::VecDeque<Box<dyn FnOnce() + Send>>>,
    /// Action of another process during the next commit, after the check of the files.
    #[cfg(test)]
    pub(super) commit_interference: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl SharedSpool {
    /// Starts the measurement of the writer's next operation.
    pub(super) fn begin_operation(&self) {
        *self.busy_since.lock() = Some(Instant::now());
    }

    pub(super) fn end_operation(&self) {
        *self.busy_since.lock() = None;
    }

    /// Returns whether the writer's present operation takes longer than [`COMMIT_TIMEOUT`].
    pub(super) fn is_hung(&self) -> bool {
        self.busy_since.lock().is_some_and(|since| since.elapsed() > COMMIT_TIMEOUT)
    }

    #[cfg(test)]
    pub(super) fn limit_pages(&self, connection: &rusqlite::Connection) -> rusqlite::Result<()> {
        let pages = match self.pages.load(Ordering::SeqCst) {
            0 => u32::MAX - 1,
            pages => pages,
        };
        connection.query_row(&format!("PRAGMA max_page_count = {pages}"), (), |_| Ok(()))
    }

    #[cfg(test)]
    pub(super) fn interfere(&self) {
        let act = self.interference.lock().pop_front();
        if let Some(act) = act {
            act();
        }
    }

    #[cfg(test)]
    pub(super) fn interfere_with_commit(&self) {
        let act = self.commit_interference.lock().take();
        if let Some(act) = act {
            act();
        }
    }
}
