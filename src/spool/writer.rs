//! The one thread that writes: it commits what has gathered, then tells those who wait.

use super::damage;
use super::group::{Counts, Doubt, Verdict, Work, carry_out, entries_of, now, tell, undo};
use super::handle::Shared;
use super::limits::coming_bytes;
use super::queue::{Job, recovered};
use super::reader::Reader;
use super::reserve::Reserve;
use super::schema::{Access, Fault};
use super::store::{Lane, Store};
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long nothing is asked for before the spool tidies up.
const TIDY_AFTER: Duration = Duration::from_millis(200);
const IDLE: Duration = Duration::from_secs(3);
/// Rows deleted, and identities forgotten, in one transaction.
const MOST_DELETES: usize = 4096;
const MOST_FORGOTTEN: usize = 512;
/// Rows deleted in one transaction when the disk is full.
const MANY_DELETES: usize = 512;
const FEW_DELETES: usize = 64;
/// How long these deletes go on at a time: nobody reads meanwhile.
const DELETING: Duration = Duration::from_millis(500);
const VACUUM_PAGES: u32 = 256;
const PROBE_BYTES: usize = 64 * 1024;

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    /// `None` while the disk fails.
    store: Option<Store>,
    reserve: Reserve,
    work: Work,
    doubt: Doubt,
    next_id: i64,
    lanes: Vec<Lane>,
    session: i64,
    /// The file is to be salvaged before it is used again.
    distrusted: bool,
    pause: Duration,
    retry_at: Instant,
    checkpoint_above: u64,
    tidy: bool,
    /// Held as long as the writer lives.
    _lock: File,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, store: Store, lock: File) -> Self {
        let reserve = Reserve::new(shared.files.clone(), shared.limits.reserve);
        let ready = match store.access {
            Access::Shared => reserve.make().map_err(Fault::from),
            Access::Alone => {
                reserve.take_back(&store).and(Err(io::Error::from(io::ErrorKind::StorageFull).into()))
            }
        };
        let mut writer = Self {
            reserve,
            work: Work::default(),
            doubt: Doubt::default(),
            next_id: store.last_id() + 1,
            lanes: store.lanes.clone(),
            session: store.session(),
            store: Some(store),
            distrusted: false,
            pause: FIRST_PAUSE,
            retry_at: Instant::now(),
            checkpoint_above: shared.limits.wal,
            tidy: true,
            shared,
            _lock: lock,
        };
        match ready {
            Ok(()) => writer.publish(Counts::default()),
            Err(fault) => writer.fail(&fault),
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
                Job::Forget(time) => self.work.forget = self.work.forget.max(Some(time)),
                Job::Salvage { generation } => self.distrust(generation),
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
                    self.pause = FIRST_PAUSE;
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

    fn commit(&mut self, waiting: &[Job]) -> Result<(Vec<Verdict>, Counts), Fault> {
        let Some(store) = &mut self.store else { return Err(std::io::Error::other("closed").into()) };
        let (limits, files) = (self.shared.limits, &self.shared.files);
        let entries = || waiting.iter().flat_map(entries_of);
        // Ids of a group that fails are not given out again.
        self.next_id = store.last_id() + 1 + entries().count() as i64;
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
        let forgot_all = match self.work.forget {
            Some(before) => change.forget(before, MOST_FORGOTTEN)? < MOST_FORGOTTEN,
            None => false,
        };
        let mut on_disk = store.used_bytes()? + files.wal_bytes();
        let now = now();
        let mut verdicts = Vec::with_capacity(waiting.len());
        for job in waiting {
            verdicts.push(carry_out(&mut change, job, &mut self.doubt, limits, &mut on_disk, now)?);
        }
        let accounts = change.commit()?;
        #[cfg(test)]
        if self.shared.doubtful.swap(false, Ordering::SeqCst) {
            return Err(std::io::Error::other("the sync failed").into());
        }
        store.adopt(accounts);
        self.work.set_aside.clear();
        self.shared.committed.store(store.last_id(), Ordering::Release);
        self.doubt = Doubt::default();
        self.work.deleted(&deletes);
        if forgot_all {
            self.work.forget = None;
        }
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
            tracing::warn!(%directory, error = %fault,
                "the spool takes nothing until its disk is repaired or has room again; it keeps trying");
        }
        recovered(&self.shared.usage).taking = false;
        self.distrusted |= fault.is_damage();
        if let Some(store) = self.store.take() {
            self.lanes = store.lanes;
        }
        // Whoever opens the file next may see what is refused now.
        recovered(&self.shared.disowned).extend(self.doubt.identities.iter().map(|(identity, _)| *identity));
        recovered(&self.shared.reader).release();
        self.retry_at = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// Has the file salvaged, unless that was done since the reader met the damage.
    fn distrust(&mut self, generation: u64) {
        if recovered(&self.shared.reader).generation != generation {
            return;
        }
        self.fail(&Fault::Contradiction);
        self.retry_at = Instant::now();
    }

    fn reopen(&mut self) {
        let had = self.work.deletes.len();
        let mut outcome = self.try_reopen();
        if matches!(&outcome, Err(fault) if fault.is_full()) && (had > 0 || self.reserve.is_lent()) {
            outcome = self.delete_on_full_disk().and(outcome);
        }
        if self.work.deletes.len() < had {
            self.pause = FIRST_PAUSE;
        }
        match outcome {
            Ok(store) => {
                self.store = Some(store);
                self.checkpoint_above = self.shared.limits.wal;
                tracing::info!(directory = %self.shared.files.directory.display(), "the spool takes records again");
                self.publish(Counts::default());
            }
            Err(fault) => self.fail(&fault),
        }
    }

    fn try_reopen(&mut self) -> Result<Store, Fault> {
        let shared = self.shared.clone();
        let mut store = self.open_trusted(&mut recovered(&shared.reader), Access::Shared)?;
        while !self.work.deletes.is_empty() {
            self.delete(&mut store, MOST_DELETES)?;
        }
        self.reserve.make()?;
        for bytes in [PROBE_BYTES, 0] {
            let change = store.begin()?;
            change.probe(bytes)?;
            let accounts = change.commit()?;
            store.adopt(accounts);
        }
        // The last proof is a log that is written back as a whole. Nobody reads meanwhile.
        let reader = recovered(&shared.reader);
        if !store.checkpoint()? {
            return Err(std::io::Error::other("another process reads it and hinders the write-back").into());
        }
        drop(reader);
        Ok(store)
    }

    /// Deletes with the room of the reserve what was delivered while the disk failed, for a while. Nobody
    /// reads meanwhile.
    fn delete_on_full_disk(&mut self) -> Result<(), Fault> {
        let shared = self.shared.clone();
        let mut reader = recovered(&shared.reader);
        reader.release();
        let access = if self.distrusted {
            // The salvage takes room beside the log.
            self.reserve.remove().map(|()| Access::Shared)?
        } else {
            self.reserve.lend()?
        };
        let mut store = self.open_trusted(&mut reader, access)?;
        let until = Instant::now() + DELETING;
        // First, for it takes the room that the exchange of the logs has made.
        store.checkpoint_if_it_fits()?;
        let mut most = MANY_DELETES;
        while !self.work.deletes.is_empty() && Instant::now() < until {
            match self.delete(&mut store, most) {
                // Many at once take less of the log than few and few, where it has room for them.
                Err(fault) if fault.is_full() && most > FEW_DELETES => most = FEW_DELETES,
                outcome => outcome?,
            }
            // Where what is in the log lets the file grow and it cannot, deletes go on as far as the log goes.
            if store.checkpoint_if_it_fits()? {
                store.vacuum(VACUUM_PAGES)?;
                store.checkpoint_if_it_fits()?;
            }
        }
        self.reserve.take_back(&store)
    }

    /// Opens the file, salvages it first if it is damaged, and undoes what was refused. Nobody reads
    /// meanwhile.
    fn open_trusted(&mut self, reader: &mut Reader, access: Access) -> Result<Store, Fault> {
        reader.release();
        let known = damage::Known {
            lanes: self.lanes.clone(),
            session: self.session,
            last_id: self.next_id.saturating_sub(1),
        };
        let damage::Opened { mut store, lost } =
            damage::open_store(&self.shared.files, self.next_id, &known, self.distrusted, access)?;
        self.distrusted = false;
        reader.generation += 1;
        // Before anybody reads the new file: what is not in it is counted.
        recovered(&self.shared.usage).totals.damaged += lost;
        #[cfg(test)]
        self.shared.limit_pages(&store.connection)?;
        undo(&mut store, &self.doubt, self.shared.committed.load(Ordering::Acquire))?;
        self.doubt = Doubt::default();
        recovered(&self.shared.disowned).clear();
        self.lanes.clone_from(&store.lanes);
        Ok(store)
    }

    /// Deletes rows that were delivered while the disk failed, `most` of them.
    fn delete(&mut self, store: &mut Store, most: usize) -> Result<(), Fault> {
        let ids = self.work.next_deletes(most);
        let mut deleted = 0;
        let mut change = store.begin()?;
        for id in &ids {
            deleted += u64::from(change.delete(*id)?);
        }
        let accounts = change.commit()?;
        store.adopt(accounts);
        self.work.deleted(&ids);
        recovered(&self.shared.usage).totals.deleted += deleted;
        Ok(())
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
        let Some(store) = &self.store else { return };
        let step = || -> rusqlite::Result<bool> {
            let free = store.free_pages()?;
            if free > 0 {
                store.vacuum(VACUUM_PAGES)?;
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
        let bytes = store.used_bytes().unwrap_or_default() + self.shared.files.wal_bytes();
        let mut usage = recovered(&self.shared.usage);
        usage.rows = store.lanes.iter().map(|lane| lane.rows).sum();
        usage.bytes = bytes;
        usage.oldest = store.oldest().unwrap_or_default();
        usage.taking = self.shared.limits.takes(bytes);
        usage.totals.appended += counts.appended;
        usage.totals.deleted += counts.deleted;
        usage.totals.parked += counts.parked;
        usage.totals.refused += counts.refused;
    }

    fn finish(mut self) {
        while self.store.is_some() && !self.work.is_empty() {
            self.group(Vec::new());
        }
        recovered(&self.shared.reader).release();
        recovered(&self.shared.usage).taking = false;
        if let Some(Err(error)) = self.store.take().map(Store::close) {
            tracing::warn!(%error, "the spool's log was not written back; the next start does it");
        }
    }
}
