//! What waits for the writer.

use super::{Append, Entry, Identity, Refused, RowId, Told};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const MOST_JOBS: usize = 512;
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Somebody who waits for a job. Told exactly once: dropped untold means that the disk did not take it.
pub(super) struct Waiter(Option<Told>);

impl Waiter {
    pub(super) fn new(done: Told) -> Self {
        Self(Some(done))
    }

    pub(super) fn tell(mut self, outcome: Result<&[RowId], Refused>) {
        if let Some(done) = self.0.take() {
            done(outcome);
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if let Some(done) = self.0.take() {
            done(Err(Refused::Disk));
        }
    }
}

pub(super) enum Job {
    Append {
        entries: Vec<Entry>,
        identity: Option<Identity>,
        waiter: Waiter,
    },
    Replace {
        id: RowId,
        entry: Entry,
        waiter: Waiter,
    },
    Park {
        id: RowId,
        waiter: Waiter,
    },
    Delete(Vec<RowId>),
    /// Rows whose checksum is wrong.
    SetAside(Vec<RowId>),
    /// The file was found damaged by a reader.
    Salvage {
        generation: u64,
        /// Whether the error alone proves the damage.
        proven: bool,
    },
    #[cfg(test)]
    Run(Box<dyn FnOnce(&rusqlite::Connection) + Send>),
}

impl Job {
    pub(super) fn append(append: Append) -> Self {
        let Append { entries, identity, done } = append;
        Self::Append { entries, identity, waiter: Waiter::new(done) }
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
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl Queue {
    /// Queues a job. After the close it is dropped, which tells its waiter.
    pub(super) fn push(&self, job: Job) {
        let mut state = recovered(&self.state);
        if state.closed {
            drop(state);
            drop(job);
            return;
        }
        state.jobs.push_back(job);
        self.wake.notify_one();
    }

    /// Waits for jobs and takes what one transaction may hold. `None`: closed, and nothing is left.
    pub(super) fn take(&self, patience: Duration) -> Option<Vec<Job>> {
        let state = recovered(&self.state);
        let (mut state, _) = self
            .wake
            .wait_timeout_while(state, patience, |state| state.jobs.is_empty() && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        if state.closed && state.jobs.is_empty() {
            return None;
        }
        let mut bytes = 0;
        let mut taken = Vec::new();
        while taken.len() < MOST_JOBS && bytes < MOST_BYTES {
            let Some(job) = state.jobs.pop_front() else { break };
            bytes += job.bytes();
            taken.push(job);
        }
        Some(taken)
    }

    /// Takes nothing more; what is queued can still be taken.
    pub(super) fn close(&self) {
        recovered(&self.state).closed = true;
        self.wake.notify_one();
    }

    /// Closes and drops what is queued: the writer is gone.
    pub(super) fn abandon(&self) {
        let mut state = recovered(&self.state);
        state.closed = true;
        let jobs = std::mem::take(&mut state.jobs);
        drop(state);
        drop(jobs);
    }
}

/// A lock whose former holder may have panicked: what it guards is whole at every step.
pub(super) fn recovered<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
