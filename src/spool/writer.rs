//! The one thread that writes: it commits what has gathered, then tells those who wait.

mod closing;
mod recovery;

use super::group::{Counts, Verdict, Work, carry_out, entries_of, now, tell};
use super::handle::Shared;
use super::limits::coming_bytes;
use super::queue::{Job, recovered};
use super::reserve::Reserve;
use super::schema::{Access, Fault, is_sound};
use super::store::{Lane, Store};
use super::watch::is_at;
use crate::backoff::Backoff;
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Waits between tries to use a disk that fails.
const MIN_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(5);
/// How long nothing is asked for before the spool tidies up.
const TIDY_AFTER: Duration = Duration::from_millis(200);
const IDLE: Duration = Duration::from_secs(3);
/// Rows deleted, and identities forgotten, in one transaction.
const MOST_DELETES: usize = 4096;
const MOST_FORGOTTEN: usize = 4096;
const VACUUM_PAGES: u32 = 256;

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    /// `None` while the disk fails.
    store: Option<Store>,
    /// A database that is open, but no longer on disk: its rows are still to be copied.
    unlinked: Option<Store>,
    reserve: Reserve,
    work: Work,
    /// Number of the next identity, by the last commit known.
    next_identity: i64,
    lanes: Vec<Lane>,
    session: i64,
    /// The file is to be salvaged before it is used again.
    distrusted: bool,
    backoff: Backoff,
    retry_at: Instant,
    checkpoint_above: u64,
    tidy: bool,
    /// Held as long as the writer lives.
    lock: File,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, store: Store, lock: File) -> Self {
        let reserve = Reserve::new(shared.files.clone(), shared.limits.reserve);
        let access = store.access;
        store.files.note();
        let mut writer = Self {
            reserve,
            work: Work { forget: true, ..Work::default() },
            next_identity: store.accounts.next_identity,
            lanes: store.accounts.lanes.clone(),
            session: store.session,
            store: Some(store),
            unlinked: None,
            distrusted: false,
            backoff: Backoff::new(MIN_BACKOFF, MAX_BACKOFF),
            retry_at: Instant::now(),
            checkpoint_above: shared.limits.wal,
            tidy: true,
            shared,
            lock,
        };
        writer.publish(Counts::default());
        let ready = match access {
            Access::Shared => writer.reserve.make().map_err(Fault::from),
            // It was opened on a full disk, with the room of the reserve.
            Access::Alone => Err(io::Error::from(io::ErrorKind::StorageFull).into()),
        };
        if let Err(fault) = ready {
            writer.fail(&fault);
        }
        writer
    }

    pub(super) fn run(mut self) {
        while let Some(jobs) = self.shared.queue.take(self.patience()) {
            let quiet = jobs.is_empty();
            let waiting = self.sort(jobs);
            if self.store.is_none() {
                self.refuse(waiting);
                if self.retry_at <= Instant::now() {
                    self.reopen();
                }
            } else if !waiting.is_empty() || !self.work.is_empty() {
                self.group(waiting);
            } else if quiet {
                self.tidy();
            }
        }
        self.finish();
    }

    fn patience(&self) -> Duration {
        match &self.store {
            None => self.retry_at.saturating_duration_since(Instant::now()),
            Some(_) if !self.work.is_empty() => Duration::ZERO,
            Some(_) if self.tidy => TIDY_AFTER,
            Some(_) => IDLE,
        }
    }

    /// Notes what nobody waits for and gives back what somebody does.
    fn sort(&mut self, jobs: Vec<Job>) -> Vec<Job> {
        let mut waiting = Vec::new();
        for job in jobs {
            match job {
                Job::Delete(ids) => self.work.deletes.extend(ids.iter().map(|id| id.0)),
                Job::SetAside(ids) => self.work.set_aside.extend(ids.iter().map(|id| id.0)),
                Job::Salvage { generation, proven } => self.distrust(generation, proven),
                #[cfg(test)]
                Job::Run(run) => drop(self.store.as_ref().map(|store| run(&store.connection))),
                job => waiting.push(job),
            }
        }
        waiting
    }

    /// Commits one group and tells those who wait for it.
    fn group(&mut self, waiting: Vec<Job>) {
        self.tidy = true;
        match self.commit(&waiting) {
            Ok((verdicts, counts)) => {
                if counts.appended > 0 {
                    self.backoff.reset();
                }
                self.publish(counts);
                for (job, verdict) in waiting.into_iter().zip(verdicts) {
                    tell(job, verdict);
                }
                self.keep_log_small();
            }
            Err(fault) => {
                self.fail(&fault);
                self.refuse(waiting);
            }
        }
    }

    /// Compares the open files with those on disk, and takes the lock again if its file was removed.
    fn check_files(&mut self) -> Result<(), Fault> {
        if let Some(store) = &self.store {
            store.files.check(&store.connection)?;
        }
        self.keep_lock()
    }

    /// # Errors
    /// If another process holds the lock now.
    fn keep_lock(&mut self) -> Result<(), Fault> {
        if !is_at(&self.lock, &self.shared.files.lock())? {
            self.lock = self.shared.files.take_lock().map_err(io::Error::from)?;
        }
        Ok(())
    }

    fn commit(&mut self, waiting: &[Job]) -> Result<(Vec<Verdict>, Counts), Fault> {
        self.check_files()?;
        let Some(store) = &mut self.store else { return Err(std::io::Error::other("closed").into()) };
        let (limits, files) = (self.shared.limits, &self.shared.files);
        let entries = || waiting.iter().flat_map(entries_of);
        let coming = entries().map(|entry| coming_bytes(entry.payload.len())).sum();
        if files.wal_bytes() > 0 && !limits.fits(store.used_bytes()? + files.wal_bytes(), coming) {
            store.checkpoint()?;
        }
        let mut counts = Counts::default();
        let mut change = store.begin()?;
        let deletes = self.work.next_deletes(MOST_DELETES);
        for id in &deletes {
            counts.deleted += u64::from(change.delete(*id)?);
        }
        let set_aside = self.work.set_aside.clone();
        for id in &set_aside {
            change.set_aside(*id)?;
        }
        let mut on_disk = store.used_bytes()? + files.wal_bytes();
        let now = now();
        let mut verdicts = Vec::with_capacity(waiting.len());
        for job in waiting {
            verdicts.push(carry_out(&mut change, job, limits, &mut on_disk, now)?);
        }
        let forgotten = change.forget(limits.identities, MOST_FORGOTTEN)?;
        let accounts = change.commit()?;
        #[cfg(test)]
        if !waiting.is_empty() && self.shared.doubtful.swap(false, Ordering::SeqCst) {
            return Err(std::io::Error::other("the sync failed").into());
        }
        store.adopt(accounts);
        // The files may have been removed before the commit was synced.
        store.files.check(&store.connection)?;
        self.work.set_aside.clear();
        self.shared.committed.store(store.last_id(), Ordering::Release);
        self.next_identity = store.accounts.next_identity;
        self.work.deleted(&deletes);
        self.work.forget = forgotten == MOST_FORGOTTEN;
        for verdict in &verdicts {
            match verdict {
                Verdict::Appended(ids) => counts.appended += ids.len() as u64,
                Verdict::Refused(_) => counts.refused += 1,
                Verdict::Parked(parked) => counts.parked += u64::from(*parked),
            }
        }
        Ok((verdicts, counts))
    }

    /// Tells everyone that the disk does not take it.
    fn refuse(&mut self, waiting: Vec<Job>) {
        let refused = waiting.iter().filter(|job| !matches!(job, Job::Park { .. })).count();
        recovered(&self.shared.usage).totals.refused += refused as u64;
        for job in waiting {
            // Dropping a waiter tells it.
            drop(catch_unwind(AssertUnwindSafe(|| drop(job))));
        }
    }

    /// Lets go of the file until the disk is back.
    fn fail(&mut self, fault: &Fault) {
        let directory = self.shared.files.directory.display();
        if recovered(&self.shared.usage).taking || self.store.is_some() {
            if fault.is_busy() {
                tracing::warn!(%directory, error = %fault,
                    "the spool takes nothing while another process locks spool.db; it keeps trying");
            } else {
                tracing::warn!(%directory, error = %fault,
                    "the spool takes nothing until its disk is repaired or has room again; it keeps trying");
            }
        }
        recovered(&self.shared.usage).taking = false;
        self.distrusted |= fault.is_damage();
        if let Some(store) = self.store.take() {
            self.distrusted |= fault.is_damage_of(&store.connection);
            self.lanes.clone_from(&store.accounts.lanes);
            // Where the files cannot be looked at, they may be gone.
            if matches!(store.files.check(&store.connection), Err(Fault::Moved | Fault::Io(_))) {
                self.unlinked = Some(store);
            }
        }
        recovered(&self.shared.reader).release();
        self.retry_at = Instant::now() + self.backoff.next();
    }

    /// Has the file salvaged, unless that was done since the reader met the damage, or a check that the
    /// error made necessary finds none.
    fn distrust(&mut self, generation: u64, proven: bool) {
        if recovered(&self.shared.reader).generation != generation {
            return;
        }
        if !proven && self.store.as_ref().is_none_or(|store| is_sound(&store.connection)) {
            return;
        }
        self.fail(&Fault::Contradiction);
        self.retry_at = Instant::now();
    }

    /// Writes the log back when it is large. One that a reader hinders is tried again later.
    fn keep_log_small(&mut self) {
        if self.shared.files.wal_bytes() <= self.checkpoint_above {
            return;
        }
        let Some(store) = &self.store else { return };
        match store.checkpoint() {
            Ok(_) => self.checkpoint_above = self.shared.files.wal_bytes() + self.shared.limits.wal,
            Err(error) => self.fail(&error.into()),
        }
    }

    /// One small step towards giving space back to the disk.
    fn tidy(&mut self) {
        if let Err(fault) = self.check_files() {
            return self.fail(&fault);
        }
        let Some(store) = &self.store else { return };
        let step = || -> rusqlite::Result<bool> {
            let free = store.free_pages()?;
            if free > 0 {
                store.vacuum(VACUUM_PAGES)?;
                store.files.note();
            }
            if free <= u64::from(VACUUM_PAGES) && self.shared.files.wal_bytes() > 0 {
                store.checkpoint()?;
            }
            Ok(free > u64::from(VACUUM_PAGES))
        };
        match step() {
            Ok(more) => {
                self.tidy = more;
                self.publish(Counts::default());
            }
            Err(error) => self.fail(&error.into()),
        }
    }

    /// Says how full the spool is.
    fn publish(&self, counts: Counts) {
        let Some(store) = &self.store else { return };
        self.publish_of(store);
        let mut usage = recovered(&self.shared.usage);
        usage.taking = self.shared.limits.takes(usage.bytes);
        usage.totals.appended += counts.appended;
        usage.totals.deleted += counts.deleted;
        usage.totals.parked += counts.parked;
        usage.totals.refused += counts.refused;
    }

    fn publish_of(&self, store: &Store) {
        let bytes = store.used_bytes().unwrap_or_default() + self.shared.files.wal_bytes();
        let mut usage = recovered(&self.shared.usage);
        usage.rows = store.accounts.lanes.iter().map(|lane| lane.rows).sum();
        usage.bytes = bytes;
        usage.oldest = store.oldest().unwrap_or_default();
    }
}
