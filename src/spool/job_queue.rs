//! Queue of jobs for the writer.

use super::{Append, AppendError, Completion, Identity, RowId, SpoolEntry};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::time::Duration;

const MAX_JOBS: usize = 512;
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Calls the callback exactly once. Dropping it reports [`AppendError::Disk`].
pub(super) struct CompletionGuard(Option<Completion>);

impl CompletionGuard {
    pub(super) fn new(done: Completion) -> Self {
        Self(Some(done))
    }

    pub(super) fn complete(mut self, outcome: Result<&[RowId], AppendError>) {
        if let Some(done) = self.0.take() {
            done(outcome);
        }
    }
}

impl Drop for CompletionGuard {
    fn drop(&mut self) {
        if let Some(done) = self.0.take() {
            done(Err(AppendError::Disk));
        }
    }
}

pub(super) enum SpoolJob {
    Append {
        entries: Vec<SpoolEntry>,
        identity: Option<Identity>,
        waiter: CompletionGuard,
    },
    Replace {
        id: RowId,
        entry: SpoolEntry,
        waiter: CompletionGuard,
    },
    Park {
        id: RowId,
        waiter: CompletionGuard,
    },
    Delete(Vec<RowId>),
    /// Rows with a wrong checksum.
    SetAside(Vec<RowId>),
    Salvage {
        generation: u64,
        /// The error alone proves the damage.
        proven: bool,
    },
    #[cfg(test)]
    Run(Box<dyn FnOnce(&super::store::SpoolStore) + Send>),
}

impl SpoolJob {
    pub(super) fn append(append: Append) -> Self {
        let Append { entries, identity, done } = append;
        Self::Append { entries, identity, waiter: CompletionGuard::new(done) }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Append { entries, .. } => entries.iter().map(|entry| entry.payload.len()).sum(),
            Self::Replace { entry, .. } => entry.payload.len(),
            _ => 0,
        }
    }
}

#[derive(Default)]
pub(super) struct JobQueue {
    state: Mutex<QueueState>,
    wake: Condvar,
}

#[derive(Default)]
struct QueueState {
    jobs: VecDeque<SpoolJob>,
    closed: bool,
}

impl JobQueue {
    /// Drops the job after the close, which completes it as refused.
    pub(super) fn push(&self, job: SpoolJob) {
        let mut state = self.state.lock();
        if state.closed {
            drop(state);
            drop(job);
            return;
        }
        state.jobs.push_back(job);
        self.wake.notify_one();
    }

    /// Waits for the jobs of one transaction. `None`: closed and empty.
    pub(super) fn take(&self, timeout: Duration) -> Option<Vec<SpoolJob>> {
        let mut state = self.state.lock();
        let is_idle = |state: &mut QueueState| state.jobs.is_empty() && !state.closed;
        self.wake.wait_while_for(&mut state, is_idle, timeout);
        if state.closed && state.jobs.is_empty() {
            return None;
        }
        let mut bytes = 0;
        let mut taken = Vec::new();
        while taken.len() < MAX_JOBS && bytes < MAX_BYTES {
            let Some(job) = state.jobs.pop_front() else { break };
            bytes += job.bytes();
            taken.push(job);
        }
        Some(taken)
    }

    /// The writer still takes the queued jobs.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.wake.notify_one();
    }

    /// Drops the jobs, because the writer has ended.
    pub(super) fn abandon(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let jobs = std::mem::take(&mut state.jobs);
        drop(state);
        drop(jobs);
    }
}
