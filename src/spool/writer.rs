//! Writer thread: commits jobs in groups, then completes them.

mod closing;
mod recovery;

use super::disk_reserve::DiskReserve;
use super::group_commit::{CommitCounts, JobOutcome, PendingWork, apply, complete, entries_of, now};
use super::job_queue::SpoolJob;
use super::known_state::{KnownState, LastState};
use super::limits::disk_bytes;
use super::open_files::is_at;
use super::schema::{DatabaseAccess, SpoolFault, is_sound_on_disk};
use super::shared::SharedSpool;
use super::store::SpoolStore;
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
/// Wait after a copy that filled the disk.
const COPY_BACKOFF: Duration = Duration::from_secs(30);
const LOG_INTERVAL: Duration = Duration::from_secs(60);
const MAX_CAUSES: usize = 16;
const TIDY_DELAY: Duration = Duration::from_millis(200);
const IDLE_INTERVAL: Duration = Duration::from_secs(3);
const MAX_DELETES: usize = 4096;
const MAX_FORGOTTEN: usize = 4096;
const VACUUM_PAGES: u32 = 256;

pub(super) struct SpoolWriter {
    pub(super) shared: Arc<SharedSpool>,
    /// `None` while the disk fails.
    store: Option<SpoolStore>,
    /// Database that is no longer on disk. Its rows are still to be copied.
    unlinked: Option<SpoolStore>,
    reserve: DiskReserve,
    work: PendingWork,
    deletes_taken: u64,
    next_identity: i64,
    last: LastState,
    session: i64,
    /// The file must be salvaged before its next use.
    is_distrusted: bool,
    /// The content of the file must be verified after its next opening.
    is_suspect: bool,
    /// Rows of a restored file are still to be reported.
    is_restored: bool,
    backoff: Backoff,
    /// Without their numbers.
    logged: Vec<(String, Instant)>,
    retry_at: Instant,
    checkpoint_above: u64,
    tidy: bool,
    lock: File,
}

impl SpoolWriter {
    pub(super) fn new(shared: Arc<SharedSpool>, store: SpoolStore, lock: File) -> Self {
        let reserve = DiskReserve::new(shared.files.clone(), shared.limits.reserve);
        let access = store.access;
        store.files.record_commit(&store.connection);
        let mut writer = Self {
            reserve,
            work: PendingWork { forget: true, ..PendingWork::default() },
            deletes_taken: 0,
            next_identity: store.accounts.next_identity,
            last: LastState::of(&store.accounts.lanes, &store.files),
            session: store.session,
            store: Some(store),
            unlinked: None,
            is_distrusted: false,
            is_suspect: false,
            is_restored: false,
            backoff: Backoff::new(MIN_BACKOFF, MAX_BACKOFF),
            logged: Vec::new(),
            retry_at: Instant::now(),
            checkpoint_above: shared.limits.wal,
            tidy: true,
            shared,
            lock,
        };
        writer.publish(CommitCounts::default());
        let ready = match access {
            DatabaseAccess::Shared => writer.reserve.create().map_err(SpoolFault::from),
            // It was opened on a full disk, with the blocks of the reserve.
            DatabaseAccess::Exclusive => Err(io::Error::from(io::ErrorKind::StorageFull).into()),
        };
        if let Err(fault) = ready {
            writer.fail(&fault);
        }
        writer
    }

    pub(super) fn run(mut self) {
        while let Some(jobs) = self.shared.queue.take(self.queue_timeout()) {
            self.shared.begin_operation();
            let quiet = jobs.is_empty();
            let waiting = self.keep_completions(jobs);
            if self.store.is_none() {
                self.refuse(waiting);
                if self.retry_at <= Instant::now() {
                    self.reopen();
                }
            } else if !waiting.is_empty() || self.has_work() {
                self.commit_group(waiting);
            } else if quiet {
                self.tidy();
            }
            self.shared.end_operation();
        }
        self.finish();
    }

    fn queue_timeout(&self) -> Duration {
        match &self.store {
            None => self.retry_at.saturating_duration_since(Instant::now()),
            Some(_) if self.has_work() => Duration::ZERO,
            Some(_) if self.tidy => TIDY_DELAY,
            Some(_) => IDLE_INTERVAL,
        }
    }

    fn has_work(&self) -> bool {
        let PendingWork { deletes, set_aside, forget } = &self.work;
        *forget || !set_aside.is_empty() || (!deletes.is_empty() && !self.postpones_deletes())
    }

    /// Returns true if deletes have to wait for a check of the content. It prevents checkpoints, so they would
    /// fill the disk with the log.
    fn postpones_deletes(&self) -> bool {
        let is_long = |store: &SpoolStore| store.files.log_bytes() > self.shared.limits.max_bytes / 8;
        self.store.as_ref().is_some_and(|store| store.is_verifying() && is_long(store))
    }

    /// Keeps jobs without a completion for the next commit, and returns the others.
    fn keep_completions(&mut self, jobs: Vec<SpoolJob>) -> Vec<SpoolJob> {
        let mut waiting = Vec::new();
        for job in jobs {
            match job {
                SpoolJob::Delete(ids) => {
                    self.deletes_taken += 1;
                    self.work.deletes.extend(ids.iter().map(|id| id.0));
                }
                SpoolJob::SetAside(ids) => self.work.set_aside.extend(ids.iter().map(|id| id.0)),
                SpoolJob::Salvage { generation, proven } => self.distrust(generation, proven),
                #[cfg(test)]
                SpoolJob::Run(run) => drop(self.store.as_ref().map(run)),
                job => waiting.push(job),
            }
        }
        waiting
    }

    fn commit_group(&mut self, waiting: Vec<SpoolJob>) {
        self.tidy = true;
        match self.commit(&waiting) {
            Ok((outcomes, counts)) => {
                if counts.appended > 0 {
                    self.backoff.reset();
                }
                self.publish(counts);
                for (job, outcome) in waiting.into_iter().zip(outcomes) {
                    complete(job, outcome);
                }
                self.keep_log_small();
            }
            Err(fault) => {
                self.fail(&fault);
                self.refuse(waiting);
            }
        }
    }

    /// Also takes the lock again if its file was removed.
    fn check_files(&mut self) -> Result<(), SpoolFault> {
        if let Some(store) = &self.store {
            store.check()?;
        }
        self.keep_lock()
    }

    /// Fails if another process holds the lock.
    fn keep_lock(&mut self) -> Result<(), SpoolFault> {
        if !is_at(&self.lock, &self.shared.files.lock())? {
            self.lock = self.shared.files.take_lock().map_err(io::Error::from)?;
        }
        Ok(())
    }

    fn commit(&mut self, waiting: &[SpoolJob]) -> Result<(Vec<JobOutcome>, CommitCounts), SpoolFault> {
        self.check_files()?;
        let deletes = self.work.next_deletes(if self.postpones_deletes() { 0 } else { MAX_DELETES });
        let Some(store) = &mut self.store else { return Err(std::io::Error::other("closed").into()) };
        let limits = self.shared.limits;
        let entries = || waiting.iter().flat_map(entries_of);
        let needed = entries().map(|entry| disk_bytes(entry.payload.len())).sum();
        if store.files.log_bytes() > 0 && !limits.fits(store.bytes_on_disk()?, needed) {
            store.checkpoint()?;
        }
        let mut counts = CommitCounts::default();
        let mut change = store.begin()?;
        for id in &deletes {
            counts.deleted += u64::from(change.delete(*id)?);
        }
        let set_aside = self.work.set_aside.clone();
        for id in &set_aside {
            change.set_aside(*id)?;
        }
        let mut on_disk = store.bytes_on_disk()?;
        let now = now();
        let mut outcomes = Vec::with_capacity(waiting.len());
        for job in waiting {
            outcomes.push(apply(&mut change, job, limits, &mut on_disk, now)?);
        }
        let forgotten = change.forget(limits.identities, MAX_FORGOTTEN)?;
        #[cfg(test)]
        self.shared.interfere_with_commit();
        let accounts = change.commit()?;
        #[cfg(test)]
        if !waiting.is_empty() && self.shared.fail_next_commit.swap(false, Ordering::SeqCst) {
            return Err(std::io::Error::other("the sync failed").into());
        }
        // The files may have been removed or truncated before the commit was synced.
        store.adopt(accounts);
        store.check_commit()?;
        self.work.set_aside.clear();
        self.shared.committed.store(store.last_id(), Ordering::Release);
        self.next_identity = store.accounts.next_identity;
        self.work.forget = forgotten == MAX_FORGOTTEN;
        self.last = LastState::of(&store.accounts.lanes, &store.files);
        self.deleted(&deletes);
        for outcome in &outcomes {
            match outcome {
                JobOutcome::Appended(ids) => counts.appended += ids.len() as u64,
                JobOutcome::Refused(_) => counts.refused += 1,
                JobOutcome::Parked(parked) => counts.parked += u64::from(*parked),
            }
        }
        Ok((outcomes, counts))
    }

    fn deleted(&mut self, ids: &[i64]) {
        self.work.deleted(ids);
        if self.work.deletes.is_empty() {
            self.shared.deletes_done.store(self.deletes_taken, Ordering::Release);
        }
    }

    fn refuse(&mut self, waiting: Vec<SpoolJob>) {
        let refused = waiting.iter().filter(|job| !matches!(job, SpoolJob::Park { .. })).count();
        self.shared.usage.lock().totals.refused += refused as u64;
        for job in waiting {
            // Dropping a job completes it.
            drop(catch_unwind(AssertUnwindSafe(|| drop(job))));
        }
    }

    fn fail(&mut self, fault: &SpoolFault) {
        let directory = self.shared.files.directory.display();
        let is_first = self.shared.usage.lock().is_accepting || self.store.is_some();
        if log_again(&mut self.logged, fault, is_first) {
            if fault.is_busy() {
                tracing::warn!(%directory, error = %fault,
                    "the spool takes nothing while another process locks spool.db; it keeps trying");
            } else {
                tracing::warn!(%directory, error = %fault,
                    "the spool takes nothing until its disk is repaired or has room again; it keeps trying");
            }
        }
        self.shared.usage.lock().is_accepting = false;
        self.is_distrusted |= fault.is_damage();
        if let Some(store) = self.store.take() {
            self.close_after(fault, store);
        }
        if self.unlinked.is_some() {
            // It reads on from the files that it has open.
            self.shared.reader.lock().detach();
        } else {
            self.shared.reader.lock().release();
        }
        let is_copy = self.unlinked.is_some() || self.is_distrusted;
        let has_filled_the_disk = is_copy && fault.is_full() && !matches!(fault, SpoolFault::NoRoom { .. });
        let wait = if has_filled_the_disk { COPY_BACKOFF } else { self.backoff.next() };
        self.retry_at = Instant::now() + wait;
    }

    /// Moves the deletes: see [`SpoolWriter::take_back`].
    fn known_state(&mut self) -> KnownState {
        KnownState {
            lanes: self.last.lanes.clone(),
            session: self.session,
            last_id: self.shared.committed.load(Ordering::Acquire),
            bytes: self.last.bytes,
            delivered: std::mem::take(&mut self.work.deletes),
        }
    }

    fn take_back(&mut self, known: KnownState) {
        self.work.deletes = known.delivered;
    }

    /// Schedules a salvage, unless the file was replaced since the read, or a check finds no damage.
    fn distrust(&mut self, generation: u64, proven: bool) {
        let is_copied_anyway = self.unlinked.is_some() || self.is_distrusted;
        if is_copied_anyway || self.shared.reader.lock().generation != generation {
            return;
        }
        if !proven && (self.store.is_none() || is_sound_on_disk(&self.shared.files.database())) {
            return;
        }
        self.fail(&SpoolFault::Contradiction);
        self.retry_at = Instant::now();
    }

    fn keep_log_small(&mut self) {
        let Some(store) = &self.store else { return };
        if store.files.log_bytes() <= self.checkpoint_above {
            return;
        }
        match store.checkpoint() {
            Ok(_) => self.checkpoint_above = store.files.log_bytes() + self.shared.limits.wal,
            Err(error) => self.fail(&error.into()),
        }
    }

    fn tidy(&mut self) {
        if let Err(fault) = self.check_files() {
            return self.fail(&fault);
        }
        let Some(store) = &self.store else { return };
        if store.is_verifying() {
            // The verification's start may have been published as a hang.
            return self.publish(CommitCounts::default());
        }
        let step = || -> rusqlite::Result<bool> {
            let free = store.free_pages()?;
            if free > 0 {
                store.vacuum(VACUUM_PAGES)?;
            }
            if free <= u64::from(VACUUM_PAGES) && store.files.log_bytes() > 0 {
                store.checkpoint()?;
            }
            Ok(free > u64::from(VACUUM_PAGES))
        };
        match step() {
            Ok(more) => {
                self.tidy = more;
                self.publish(CommitCounts::default());
            }
            Err(error) => self.fail(&error.into()),
        }
    }

    fn publish(&self, counts: CommitCounts) {
        let Some(store) = &self.store else { return };
        self.publish_level(store);
        let mut usage = self.shared.usage.lock();
        usage.is_accepting = self.shared.limits.accepts_large(usage.bytes) && !self.shared.is_hung();
        usage.totals.appended += counts.appended;
        usage.totals.deleted += counts.deleted;
        usage.totals.parked += counts.parked;
        usage.totals.refused += counts.refused;
    }

    fn publish_level(&self, store: &SpoolStore) {
        let bytes = store.bytes_on_disk().unwrap_or_default();
        let oldest = store.oldest().unwrap_or_default();
        let mut usage = self.shared.usage.lock();
        usage.rows = store.accounts.lanes.iter().map(|lane| lane.rows).sum();
        usage.bytes = bytes;
        usage.oldest = oldest;
    }
}

fn log_again(logged: &mut Vec<(String, Instant)>, fault: &SpoolFault, is_first: bool) -> bool {
    let cause = fault.to_string().replace(|digit: char| digit.is_ascii_digit(), "");
    logged.retain(|(_, at)| at.elapsed() < LOG_INTERVAL);
    let is_new = !logged.iter().any(|(known, _)| *known == cause);
    if is_new && logged.len() < MAX_CAUSES {
        logged.push((cause, Instant::now()));
    }
    is_first || is_new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_of_failure_is_logged_once_in_a_while() {
        let mut logged = Vec::new();
        let no_room = |free| SpoolFault::NoRoom { needed: 9, free };
        assert!(log_again(&mut logged, &SpoolFault::Moved, true));
        assert!(log_again(&mut logged, &no_room(1), false));
        assert!(!log_again(&mut logged, &no_room(2), false), "only a number differs");
        assert!(!log_again(&mut logged, &SpoolFault::Moved, false));
        assert!(log_again(&mut logged, &SpoolFault::Moved, true));
        logged.iter_mut().for_each(|(_, at)| *at -= LOG_INTERVAL);
        assert!(log_again(&mut logged, &no_room(3), false));
    }
}
