//! Handle of an open spool.

use super::disk_reserve::DiskReserve;
use super::files::SpoolFiles;
use super::job_queue::{CompletionGuard, JobQueue, SpoolJob};
use super::known_state::KnownState;
use super::limits::SpoolLimits;
use super::parked_rows::{self, RetriedRows};
use super::reader::{PageReader, ReadFault, ReadPage};
use super::salvage::{OpenedStore, open_store};
use super::schema::{DatabaseAccess, SpoolFault};
use super::shared::SharedSpool;
use super::writer::SpoolWriter;
use super::{
    Append, CLOSE_TIMEOUT, Completion, Config, LateCommit, OpenError, Page, ReadError, RememberedIdentity,
    RowId, SpoolEntry, Totals, Usage,
};
use parking_lot::Mutex;
use std::convert::Infallible;
use std::fs::TryLockError;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::thread::ThreadId;
use std::time::Duration;

pub struct Spool {
    pub(super) shared: Arc<SharedSpool>,
    backlog: Vec<(Arc<str>, u64)>,
    identities: Mutex<Vec<RememberedIdentity>>,
    /// `None` once a close has begun.
    writer: Mutex<Option<WriterThread>>,
}

/// Its channel is disconnected once the thread has released the lock.
struct WriterThread {
    id: ThreadId,
    ended: Receiver<Infallible>,
}

impl Spool {
    /// Opens or creates the spool, and salvages a damaged file. Blocks. Time and memory depend on
    /// `identities`, the number of event identities to keep, and not on the rows of an intact spool.
    pub fn open(directory: &Path, config: &Config, identities: usize) -> Result<Arc<Self>, OpenError> {
        let failed = |fault: SpoolFault| OpenError::of(directory, fault);
        let files = SpoolFiles::new(directory);
        files.create().map_err(|error| failed(error.into()))?;
        let lock = files.take_lock().map_err(|error| match error {
            TryLockError::WouldBlock => OpenError::InUse(directory.to_path_buf()),
            TryLockError::Error(error) => failed(error.into()),
        })?;
        let limits = SpoolLimits::new(config, identities);
        let OpenedStore { store, lost, .. } = open_for_session(&files, limits).map_err(failed)?;
        let identities =
            store.identities(i64::MIN, limits.identities).map_err(|error| failed(error.into()))?;
        let lanes = store.accounts.lanes.iter().filter(|lane| lane.rows > 0);
        let backlog = lanes.map(|lane| (lane.name.clone(), lane.rows)).collect();
        let reader = PageReader::new(files.database(), store.session);
        let shared = Arc::new(SharedSpool {
            files,
            limits,
            queue: JobQueue::default(),
            reader: Mutex::new(reader),
            usage: Mutex::new(Usage {
                limit: limits.max_bytes,
                totals: Totals { damaged: lost, ..Totals::default() },
                ..Usage::default()
            }),
            committed: AtomicI64::new(store.last_id()),
            on_late_commit: OnceLock::new(),
            busy_since: Mutex::default(),
            closed: AtomicBool::new(false),
            deletes_queued: AtomicU64::new(0),
            deletes_done: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            #[cfg(test)]
            pages: std::sync::atomic::AtomicU32::new(0),
            #[cfg(test)]
            fail_next_commit: AtomicBool::new(false),
            #[cfg(test)]
            interference: Mutex::default(),
            #[cfg(test)]
            commit_interference: Mutex::default(),
        });
        let writer = SpoolWriter::new(shared.clone(), store, lock);
        let (alive, ended) = mpsc::channel::<Infallible>();
        let thread = std::thread::Builder::new()
            .name("spool-writer".to_owned())
            .spawn(move || {
                let _alive = alive;
                let _last = Abandon(writer.shared.clone());
                writer.run();
            })
            .map_err(|error| failed(error.into()))?;
        let writer = Mutex::new(Some(WriterThread { id: thread.thread().id(), ended }));
        Ok(Arc::new(Self { shared, backlog, identities: Mutex::new(identities), writer }))
    }

    /// Returns the lanes that held rows at the opening, with their number.
    pub fn backlog(&self) -> Vec<(Arc<str>, u64)> {
        self.backlog.clone()
    }

    /// Takes the event identities of earlier processes.
    pub fn take_identities(&self) -> Vec<RememberedIdentity> {
        std::mem::take(&mut self.identities.lock())
    }

    /// Sets the listener once. It runs on the writer thread, before any read returns the rows.
    pub fn on_late_commit(&self, listener: impl Fn(LateCommit) + Send + Sync + 'static) {
        drop(self.shared.on_late_commit.set(Box::new(listener)));
    }

    pub fn last(&self) -> RowId {
        RowId(self.shared.committed.load(Ordering::Acquire))
    }

    /// Returns whether the payload fits into an empty spool and lane.
    pub fn can_hold(&self, payload: usize, max_lane_bytes: Option<u64>) -> bool {
        self.shared.limits.can_hold(payload, max_lane_bytes)
    }

    /// Never blocks. `done` is called exactly once, also when the spool closes. While the disk hangs, appends
    /// are refused at once, because a queue of them would fill the memory.
    pub fn append(&self, append: Append) {
        let job = SpoolJob::append(append);
        if self.shared.is_hung() {
            self.shared.usage.lock().totals.refused += 1;
            return drop(job);
        }
        self.shared.queue.push(job);
    }

    /// Returns the next rows of a lane: up to `max_rows`, and up to `max_bytes` of payload but at least one
    /// row. `RowId(0)` starts at the first. Blocks.
    pub fn read(
        &self,
        lane: &str,
        after: RowId,
        max_rows: usize,
        max_bytes: usize,
    ) -> Result<Page, ReadError> {
        let read = |reader: &mut PageReader| reader.page(lane, after, self.last(), max_rows, max_bytes);
        let ReadPage { page, damaged } = self.with_reader(read)?;
        if !damaged.is_empty() {
            tracing::error!(lane, rows = damaged.len(), "the spool found damaged rows and sets them aside");
            self.shared.usage.lock().totals.damaged += damaged.len() as u64;
            self.shared.queue.push(SpoolJob::SetAside(damaged));
        }
        Ok(page)
    }

    fn with_reader<T>(
        &self,
        read: impl FnOnce(&mut PageReader) -> Result<T, ReadFault>,
    ) -> Result<T, ReadError> {
        if self.shared.closed.load(Ordering::SeqCst) {
            return Err(ReadError("it is closed".to_owned()));
        }
        let mut reader = self.shared.reader.lock();
        let generation = reader.generation;
        let outcome = read(&mut reader);
        drop(reader);
        outcome.map_err(|trouble| match trouble {
            ReadFault::Disk(error) => error,
            ReadFault::Damage { error, proven } => {
                self.shared.queue.push(SpoolJob::Salvage { generation, proven });
                error
            }
        })
    }

    /// Retries the deletion until it succeeds or the process ends. Never blocks.
    pub fn delete(&self, ids: Vec<RowId>) {
        self.shared.deletes_queued.fetch_add(1, Ordering::AcqRel);
        self.shared.queue.push(SpoolJob::Delete(ids));
    }

    /// Returns true if the deletion of rows is queued.
    pub fn has_pending_deletes(&self) -> bool {
        self.shared.deletes_queued.load(Ordering::Acquire) != self.shared.deletes_done.load(Ordering::Acquire)
    }

    /// One transaction deletes the row and appends `entry`. `done` as for [`Spool::append`].
    pub fn replace(&self, id: RowId, entry: SpoolEntry, done: Completion) {
        self.shared.queue.push(SpoolJob::Replace { id, entry, waiter: CompletionGuard::new(done) });
    }

    /// Keeps the row, but no longer in its lane. `done` is called exactly once with whether that is on disk.
    pub fn park(&self, id: RowId, done: Box<dyn FnOnce(bool) + Send>) {
        let waiter = CompletionGuard::new(Box::new(move |parked| done(parked.is_ok())));
        self.shared.queue.push(SpoolJob::Park { id, waiter });
    }

    pub fn usage(&self) -> Usage {
        let mut usage = *self.shared.usage.lock();
        usage.is_accepting &= !self.shared.is_hung();
        usage
    }

    /// Commits what is queued and releases the lock. Blocks for up to `timeout`, except on the writer thread.
    /// Returns the number of rows that were lost since the opening. `None`: the disk hangs, and the writer
    /// closes the spool when the disk answers.
    pub fn close_within(&self, timeout: Duration) -> Option<u64> {
        self.shared.queue.close();
        if let Some(writer) = self.writer.lock().take()
            && writer.id != std::thread::current().id()
            && writer.ended.recv_timeout(timeout) == Err(RecvTimeoutError::Timeout)
        {
            return None;
        }
        Some(self.shared.lost.load(Ordering::Acquire))
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        // The writer has logged the lost rows.
        let _lost = self.close_within(CLOSE_TIMEOUT);
    }
}

impl OpenError {
    pub(super) fn of(directory: &Path, fault: SpoolFault) -> Self {
        let directory = directory.to_path_buf();
        match fault {
            SpoolFault::Newer { found, known } => Self::Newer { directory, found, known },
            fault => Self::Failed { directory, reason: fault.to_string() },
        }
    }
}

/// Waits for other processes that have the database open.
fn release_reserve(files: &SpoolFiles, limits: SpoolLimits) -> Result<DatabaseAccess, SpoolFault> {
    let mut reserve = DiskReserve::new(files.clone(), limits.reserve);
    loop {
        match reserve.release() {
            Err(fault) if fault.is_busy() => {}
            lent => return lent,
        }
    }
}

/// Uses the reserve on a full disk.
fn open_for_session(files: &SpoolFiles, limits: SpoolLimits) -> Result<OpenedStore, SpoolFault> {
    let open = |access| {
        let opened = open_store(files, 1, &KnownState::default(), false, access)?;
        retry_parked_rows(files, opened, access)
    };
    match open(DatabaseAccess::Shared) {
        Err(fault) if fault.is_full() => open(release_reserve(files, limits)?),
        outcome => outcome,
    }
}

/// Salvages the file first if the retry of parked rows proves it damaged.
fn retry_parked_rows(
    files: &SpoolFiles,
    mut opened: OpenedStore,
    access: DatabaseAccess,
) -> Result<OpenedStore, SpoolFault> {
    opened.store.begin_session()?;
    let mut outcome = parked_rows::retry_parked(&mut opened.store);
    if outcome.as_ref().is_err_and(|fault| fault.is_damage_of(&opened.store.connection)) {
        let (session, last_id) = (opened.store.session, opened.store.last_id());
        let lanes = opened.store.accounts.lanes.clone();
        let known = KnownState { lanes, session, last_id, ..KnownState::default() };
        let lost = opened.lost;
        drop(opened.store);
        opened = open_store(files, last_id + 1, &known, true, access)?;
        opened.lost += lost;
        opened.store.begin_session()?;
        outcome = parked_rows::retry_parked(&mut opened.store);
    }
    match outcome {
        Ok(RetriedRows { returned, damaged }) => {
            opened.lost += damaged;
            if damaged > 0 {
                tracing::error!(rows = damaged, "the spool found damaged rows among the parked rows");
            }
            if returned > 0 {
                tracing::info!(rows = returned, "the spool retries records that were set aside");
            }
        }
        Err(error) => tracing::warn!(%error, "records that were set aside cannot be retried at this start"),
    }
    Ok(opened)
}

/// Completes queued jobs as refused when the writer thread ends, also by a panic.
struct Abandon(Arc<SharedSpool>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.closed.store(true, Ordering::SeqCst);
        self.0.queue.abandon();
        self.0.usage.lock().is_accepting = false;
    }
}
