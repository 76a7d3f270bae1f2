//! What the rest of the bridge sees of the spool.

use super::damage::{Known, Opened, open_store};
use super::files::Files;
use super::limits::Limits;
use super::parked::{self, Retried};
use super::queue::{Job, Queue, Waiter, recovered};
use super::reader::{Found, Reader, Trouble};
use super::reserve::Reserve;
use super::schema::{Access, Fault};
use super::writer::Writer;
use super::{
    Append, Config, Entry, OpenError, Page, ReadError, Recount, Remembered, RowId, Told, Totals, Usage,
};
use std::fs::TryLockError;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;

/// What the writer and those who ask share.
pub(super) struct Shared {
    pub(super) files: Files,
    pub(super) limits: Limits,
    pub(super) queue: Queue,
    pub(super) reader: Mutex<Reader>,
    pub(super) usage: Mutex<Usage>,
    /// The last row known to be committed. Rows beyond may have been refused and be on disk all the same:
    /// no read returns them before they are recounted.
    pub(super) committed: AtomicI64,
    pub(super) on_recount: OnceLock<Box<dyn Fn(Recount) + Send + Sync>>,
    closed: AtomicBool,
    /// Rows that the close could not save.
    pub(super) lost_at_close: AtomicU64,
    /// Pages that the file may have, as on a full disk. Zero: any number.
    #[cfg(test)]
    pub(super) pages: std::sync::atomic::AtomicU32,
    /// The next commit with a waiter reaches the disk and is told to have failed, as after a sync that failed.
    #[cfg(test)]
    pub(super) doubtful: AtomicBool,
    /// Acts of another process while the spool closes: after its last commit, and before SQLite closes the file.
    #[cfg(test)]
    pub(super) interference: Mutex<std::collections::VecDeque<Box<dyn FnOnce() + Send>>>,
}

impl Shared {
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
        let act = recovered(&self.interference).pop_front();
        if let Some(act) = act {
            act();
        }
    }
}

/// A durable queue of records by lane.
pub struct Spool {
    pub(super) shared: Arc<Shared>,
    backlog: Vec<(Arc<str>, u64)>,
    identities: Mutex<Vec<Remembered>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Spool {
    /// Opens or makes the spool in `directory`, and salvages what a damaged file still holds. Blocks.
    /// Time and memory depend on `identities`, the number of event identities to keep at most, and not on
    /// the rows of a sound spool.
    ///
    /// # Errors
    /// If another process uses it, a later release made it, or the disk does not allow it.
    pub fn open(directory: &Path, config: &Config, identities: usize) -> Result<Arc<Self>, OpenError> {
        let failed = |fault: Fault| OpenError::of(directory, fault);
        let files = Files::new(directory);
        files.make().map_err(|error| failed(error.into()))?;
        let lock = files.take_lock().map_err(|error| match error {
            TryLockError::WouldBlock => OpenError::InUse(directory.to_path_buf()),
            TryLockError::Error(error) => failed(error.into()),
        })?;
        let limits = Limits::new(config, identities);
        let Opened { store, lost } = open_for_session(&files, limits).map_err(failed)?;
        let identities =
            store.identities(i64::MIN, limits.identities).map_err(|error| failed(error.into()))?;
        let lanes = store.accounts.lanes.iter().filter(|lane| lane.rows > 0);
        let backlog = lanes.map(|lane| (lane.name.clone(), lane.rows)).collect();
        let reader = Reader::new(files.database(), store.session);
        let shared = Arc::new(Shared {
            files,
            limits,
            queue: Queue::default(),
            reader: Mutex::new(reader),
            usage: Mutex::new(Usage {
                limit: limits.max_bytes,
                totals: Totals { damaged: lost, ..Totals::default() },
                ..Usage::default()
            }),
            committed: AtomicI64::new(store.last_id()),
            on_recount: OnceLock::new(),
            closed: AtomicBool::new(false),
            lost_at_close: AtomicU64::new(0),
            #[cfg(test)]
            pages: std::sync::atomic::AtomicU32::new(0),
            #[cfg(test)]
            doubtful: AtomicBool::new(false),
            #[cfg(test)]
            interference: Mutex::default(),
        });
        let writer = Writer::new(shared.clone(), store, lock);
        let thread = std::thread::Builder::new()
            .name("spool-writer".to_owned())
            .spawn(move || {
                let _last = Abandon(writer.shared.clone());
                writer.run();
            })
            .map_err(|error| failed(error.into()))?;
        let (identities, thread) = (Mutex::new(identities), Mutex::new(Some(thread)));
        Ok(Arc::new(Self { shared, backlog, identities, thread }))
    }

    /// Lanes that held rows when the spool was opened, with their number.
    pub fn backlog(&self) -> Vec<(Arc<str>, u64)> {
        self.backlog.clone()
    }

    /// Takes the event identities that the spool held when it was opened.
    pub fn take_identities(&self) -> Vec<Remembered> {
        std::mem::take(&mut recovered(&self.identities))
    }

    /// Sets the listener, once, that receives what a failed commit left in the file. It runs on the writer
    /// thread, before any read returns the rows.
    pub fn on_recount(&self, listener: impl Fn(Recount) + Send + Sync + 'static) {
        drop(self.shared.on_recount.set(Box::new(listener)));
    }

    /// The last row that is on disk, whatever its lane.
    pub fn last(&self) -> RowId {
        RowId(self.shared.committed.load(Ordering::Acquire))
    }

    /// Whether a payload of so many bytes has a place in an empty spool and lane at all.
    pub fn may_take(&self, payload: usize, max_lane_bytes: Option<u64>) -> bool {
        self.shared.limits.may_take(payload, max_lane_bytes)
    }

    /// Queues an append. Never blocks. `done` is called exactly once, also when the spool closes.
    pub fn append(&self, append: Append) {
        self.shared.queue.push(Job::append(append));
    }

    /// The next rows of a lane after a row, `RowId(0)` for the first: up to `max_rows`, and up to
    /// `max_bytes` of payload but at least one row. Blocks.
    ///
    /// # Errors
    /// If the disk or the file fails now; a later call may succeed.
    pub fn read(
        &self,
        lane: &str,
        after: RowId,
        max_rows: usize,
        max_bytes: usize,
    ) -> Result<Page, ReadError> {
        let read = |reader: &mut Reader| reader.page(lane, after, self.last(), max_rows, max_bytes);
        let Found { page, damaged } = self.with_reader(read)?;
        if !damaged.is_empty() {
            tracing::error!(lane, rows = damaged.len(), "the spool found damaged rows and sets them aside");
            recovered(&self.shared.usage).totals.damaged += damaged.len() as u64;
            self.shared.queue.push(Job::SetAside(damaged));
        }
        Ok(page)
    }

    fn with_reader<T>(&self, read: impl FnOnce(&mut Reader) -> Result<T, Trouble>) -> Result<T, ReadError> {
        if self.shared.closed.load(Ordering::SeqCst) {
            return Err(ReadError("it is closed".to_owned()));
        }
        let mut reader = recovered(&self.shared.reader);
        let generation = reader.generation;
        let outcome = read(&mut reader);
        drop(reader);
        outcome.map_err(|trouble| match trouble {
            Trouble::Disk(error) => error,
            Trouble::Damage { error, proven } => {
                self.shared.queue.push(Job::Salvage { generation, proven });
                error
            }
        })
    }

    /// Queues the deletion of delivered rows. It is retried until it is done, as long as the process
    /// lives. Never blocks, never fails.
    pub fn delete(&self, ids: Vec<RowId>) {
        self.shared.queue.push(Job::Delete(ids));
    }

    /// Queues a replacement: in one transaction the row is deleted and `entry` is appended. `done` is
    /// called as for [`Spool::append`].
    pub fn replace(&self, id: RowId, entry: Entry, done: Told) {
        self.shared.queue.push(Job::Replace { id, entry, waiter: Waiter::new(done) });
    }

    /// Queues setting a row aside for good: it is kept, but no longer in its lane. `done` is told
    /// exactly once whether that is on disk; `false` also where there is no such row.
    pub fn park(&self, id: RowId, done: Box<dyn FnOnce(bool) + Send>) {
        let waiter = Waiter::new(Box::new(move |parked| done(parked.is_ok())));
        self.shared.queue.push(Job::Park { id, waiter });
    }

    /// How full the spool is, as of the last transaction.
    pub fn usage(&self) -> Usage {
        *recovered(&self.shared.usage)
    }

    /// Commits what is queued, writes the log back and releases the lock. Blocks; but from a `done`, on
    /// the writer's own thread, it only begins the close. Dropping the spool closes it.
    ///
    /// Returns the number of rows that are lost, because another process removed the files and no new ones
    /// could be made.
    pub fn close(&self) -> u64 {
        self.shared.queue.close();
        if let Some(thread) = recovered(&self.thread).take()
            && thread.thread().id() != std::thread::current().id()
        {
            // A panic has been logged, and its jobs were told.
            drop(thread.join());
        }
        self.shared.lost_at_close.load(Ordering::Acquire)
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        // The rows were counted in the log.
        let _lost = self.close();
    }
}

impl OpenError {
    pub(super) fn of(directory: &Path, fault: Fault) -> Self {
        let directory = directory.to_path_buf();
        match fault {
            Fault::Newer { found, known } => Self::Newer { directory, found, known },
            fault => Self::Failed { directory, reason: fault.to_string() },
        }
    }
}

/// Lends the reserve, and waits for those who read meanwhile.
fn lend(files: &Files, limits: Limits) -> Result<Access, Fault> {
    let mut reserve = Reserve::new(files.clone(), limits.reserve);
    loop {
        match reserve.lend() {
            Err(fault) if fault.is_busy() => {}
            lent => return lent,
        }
    }
}

/// Opens the store and begins a session; on a full disk with the room of the reserve.
fn open_for_session(files: &Files, limits: Limits) -> Result<Opened, Fault> {
    let open = |access| {
        let opened = open_store(files, 1, &Known::default(), false, access)?;
        try_parked_again(files, opened, access)
    };
    match open(Access::Shared) {
        Err(fault) if fault.is_full() => open(lend(files, limits)?),
        outcome => outcome,
    }
}

/// Begins a session and tries parked rows again. A file that proves damaged by that is salvaged first.
fn try_parked_again(files: &Files, mut opened: Opened, access: Access) -> Result<Opened, Fault> {
    opened.store.begin_session()?;
    let mut outcome = parked::try_again(&mut opened.store);
    if outcome.as_ref().is_err_and(|fault| fault.is_damage_of(&opened.store.connection)) {
        let (session, last_id) = (opened.store.session, opened.store.last_id());
        let known = Known { session, last_id, ..Known::default() };
        let lost = opened.lost;
        drop(opened.store);
        opened = open_store(files, last_id + 1, &known, true, access)?;
        opened.lost += lost;
        opened.store.begin_session()?;
        outcome = parked::try_again(&mut opened.store);
    }
    match outcome {
        Ok(Retried { returned, damaged }) => {
            opened.lost += damaged;
            if damaged > 0 {
                tracing::error!(rows = damaged, "the spool found damaged rows among those that were parked");
            }
            if returned > 0 {
                tracing::info!(rows = returned, "the spool tries records again that were set aside");
            }
        }
        Err(error) => tracing::warn!(%error, "records that were set aside cannot be tried again"),
    }
    Ok(opened)
}

/// Whatever ends the writer, nobody waits for it any longer.
struct Abandon(Arc<Shared>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.closed.store(true, Ordering::SeqCst);
        self.0.queue.abandon();
        recovered(&self.0.usage).taking = false;
    }
}
