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

pub(super) struct SharedSpool {
    pub(super) files: SpoolFiles,
    pub(super) limits: SpoolLimits,
    pub(super) queue: JobQueue,
    pub(super) reader: Mutex<PageReader>,
    /// Never locked during an access to the disk, which may hang.
    pub(super) usage: Mutex<Usage>,
    /// `None` while the writer waits for jobs.
    pub(super) busy_since: Mutex<Option<Instant>>,
    /// Last row known to be committed. No read returns later ones, which may be of a late commit, before they
    /// are reported.
    pub(super) committed: AtomicI64,
    pub(super) on_late_commit: OnceLock<Box<dyn Fn(LateCommit) + Send + Sync>>,
    pub(super) closed: AtomicBool,
    /// Delete jobs: queued, and taken when the writer had no delete left.
    pub(super) deletes_queued: AtomicU64,
    pub(super) deletes_done: AtomicU64,
    pub(super) lost: AtomicU64,
    /// Simulates a full disk. 0: no limit.
    #[cfg(test)]
    pub(super) pages: std::sync::atomic::AtomicU32,
    /// Simulates a failed sync of the next commit with a waiting job.
    #[cfg(test)]
    pub(super) fail_next_commit: AtomicBool,
    /// Actions of another process during the close.
    #[cfg(test)]
    pub(super) interference: Mutex<std::collections::VecDeque<Box<dyn FnOnce() + Send>>>,
    /// Action of another process during the next commit.
    #[cfg(test)]
    pub(super) commit_interference: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl SharedSpool {
    pub(super) fn begin_operation(&self) {
        *self.busy_since.lock() = Some(Instant::now());
    }

    pub(super) fn end_operation(&self) {
        *self.busy_since.lock() = None;
    }

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
