//! Recovery from a disk that failed, was full, or corrupted the file.

use super::super::LateCommit;
use super::super::group_commit::CommitCounts;
use super::super::known_state::{KnownState, LastState};
use super::super::reader::PageReader;
use super::super::salvage;
use super::super::schema::{DatabaseAccess, SpoolFault};
use super::super::store::SpoolStore;
use super::{MAX_DELETES, SpoolWriter, VACUUM_PAGES};
use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The minimum is used if the log has no room for more.
const MAX_DELETES_ON_FULL_DISK: usize = 512;
const MIN_DELETES_ON_FULL_DISK: usize = 64;
/// No reads are possible meanwhile.
const MAX_DELETE_TIME: Duration = Duration::from_millis(500);
/// Size of the test write.
const PROBE_BYTES: usize = 64 * 1024;

impl SpoolWriter {
    pub(super) fn reopen(&mut self) {
        let had = self.work.deletes.len();
        let mut outcome = self.try_reopen();
        if matches!(&outcome, Err(fault) if fault.is_full())
            && self.unlinked.is_none()
            && (had > 0 || self.reserve.is_released())
        {
            outcome = self.delete_on_full_disk().and(outcome);
        }
        if self.work.deletes.len() < had {
            self.backoff.reset();
        }
        match outcome {
            Ok(store) => {
                self.store = Some(store);
                self.logged.clear();
                self.checkpoint_above = self.shared.limits.wal;
                tracing::info!(directory = %self.shared.files.directory.display(), "the spool takes records again");
                // A copy of a large file is not a hung disk.
                self.shared.begin_operation();
                self.publish(CommitCounts::default());
            }
            Err(fault) => self.fail(&fault),
        }
    }

    /// No read returns a row of a late commit before.
    fn report_late_commit(&mut self, store: &SpoolStore) -> Result<(), SpoolFault> {
        let is_restored = self.is_restored;
        let after = if is_restored { 0 } else { self.shared.committed.load(Ordering::Acquire) };
        let found = LateCommit {
            rows: store.rows_after(after)?,
            identities: store.identities(self.next_identity, self.shared.limits.identities)?,
            is_restored,
        };
        self.shared.usage.lock().totals.appended += found.rows.iter().map(|rows| rows.count).sum::<u64>();
        if let Some(listener) = self.shared.on_late_commit.get() {
            listener(found);
        }
        self.is_restored = false;
        self.shared.committed.store(store.last_id(), Ordering::Release);
        self.next_identity = store.accounts.next_identity;
        Ok(())
    }

    fn try_reopen(&mut self) -> Result<SpoolStore, SpoolFault> {
        let shared = self.shared.clone();
        let mut store = self.open_trusted(&mut shared.reader.lock(), DatabaseAccess::Shared)?;
        match self.prepare(&mut store) {
            Ok(()) => Ok(store),
            Err(fault) => {
                self.close_after(&fault, store);
                Err(fault)
            }
        }
    }

    /// The store stays open if its files are no longer on disk, because its rows are still to be copied.
    pub(super) fn close_after(&mut self, fault: &SpoolFault, store: SpoolStore) {
        self.is_distrusted |= fault.is_damage_of(&store.connection);
        let checked = store.files.check(&store.connection);
        self.is_suspect |= store.is_suspect();
        // If the files cannot be checked, they may be removed.
        if matches!(checked, Err(SpoolFault::Moved | SpoolFault::Io(_))) {
            self.unlinked = Some(store);
        }
    }

    /// Tests whether the disk accepts appends.
    fn prepare(&mut self, store: &mut SpoolStore) -> Result<(), SpoolFault> {
        let shared = self.shared.clone();
        while !self.work.deletes.is_empty() {
            self.delete(store, MAX_DELETES)?;
            if store.files.log_bytes() > shared.limits.wal {
                store.checkpoint()?;
            }
        }
        self.reserve.create()?;
        for bytes in [PROBE_BYTES, 0] {
            let change = store.begin()?;
            change.probe(bytes)?;
            let accounts = change.commit()?;
            store.adopt(accounts);
        }
        // The complete write-back must not meet a reader.
        let reader = shared.reader.lock();
        if !store.checkpoint()? {
            return Err(io::Error::other("another process reads it and blocks the write-back").into());
        }
        drop(reader);
        self.report_late_commit(store)
    }

    /// Uses the blocks of the reserve, for a limited time. Blocks reads.
    fn delete_on_full_disk(&mut self) -> Result<(), SpoolFault> {
        let shared = self.shared.clone();
        let mut reader = shared.reader.lock();
        reader.release();
        let access = if self.is_distrusted {
            // The salvage needs disk space outside the log.
            self.reserve.remove().map(|()| DatabaseAccess::Shared)?
        } else {
            self.reserve.release()?
        };
        let mut store = self.open_trusted(&mut reader, access)?;
        if let Err(fault) = self.delete_for_a_while(&mut store) {
            self.close_after(&fault, store);
            return Err(fault);
        }
        self.publish_level(&store);
        self.reserve.reclaim(store)
    }

    fn delete_for_a_while(&mut self, store: &mut SpoolStore) -> Result<(), SpoolFault> {
        let until = Instant::now() + MAX_DELETE_TIME;
        // Uses the space that the swap of the logs has freed.
        store.checkpoint_if_it_fits()?;
        let mut max = MAX_DELETES_ON_FULL_DISK;
        while !self.work.deletes.is_empty() && Instant::now() < until {
            match self.delete(store, max) {
                // Large transactions need less of the log than small ones, if it has room for them.
                Err(fault) if fault.is_full() && max > MIN_DELETES_ON_FULL_DISK => {
                    max = MIN_DELETES_ON_FULL_DISK
                }
                outcome => outcome?,
            }
            // If the file cannot grow by what is in the log, deletes continue until the log is full.
            if store.checkpoint_if_it_fits()? {
                store.vacuum(VACUUM_PAGES)?;
                store.checkpoint_if_it_fits()?;
            }
        }
        Ok(())
    }

    /// Salvages a damaged file first. Blocks reads. A copy may use the reserve's space.
    fn open_trusted(
        &mut self,
        reader: &mut PageReader,
        access: DatabaseAccess,
    ) -> Result<SpoolStore, SpoolFault> {
        let known = self.known_state();
        let mut opened = self.open_known(reader, access, &known);
        let is_copy = self.unlinked.is_some() || self.is_distrusted;
        if is_copy && opened.as_ref().is_err_and(|fault| self.reserve.is_enough_for(fault)) {
            opened = self
                .reserve
                .remove()
                .map_err(SpoolFault::from)
                .and_then(|()| self.open_known(reader, access, &known));
        }
        self.take_back(known);
        opened
    }

    fn open_known(
        &mut self,
        reader: &mut PageReader,
        access: DatabaseAccess,
        known: &KnownState,
    ) -> Result<SpoolStore, SpoolFault> {
        self.shared.files.create()?;
        self.keep_lock()?;
        let files = &self.shared.files;
        let is_gone = |open: &SpoolStore| match open.files.check(&open.connection) {
            // The volume is mounted again.
            Ok(()) => Ok(false),
            Err(fault @ SpoolFault::Io(_)) => Err(fault),
            Err(_) => Ok(true),
        };
        let opened = match &self.unlinked {
            Some(open) if is_gone(open)? => salvage::rescue(files, &open.connection, known, access)?,
            _ => {
                reader.release();
                salvage::open_store(files, known.last_id + 1, known, self.is_distrusted, access)?
            }
        };
        let salvage::OpenedStore { store, lost, delivered, is_restored } = opened;
        // Not before, because a copy may be removed until it is open.
        self.unlinked = None;
        self.is_distrusted = false;
        self.is_restored |= is_restored;
        store.files.set_suspect(std::mem::take(&mut self.is_suspect));
        reader.release();
        reader.generation += 1;
        // Counted before any read of the new file.
        self.count(lost, delivered);
        #[cfg(test)]
        self.shared.limit_pages(&store.connection)?;
        self.last = LastState::of(&store.accounts.lanes, &store.files);
        Ok(store)
    }

    fn count(&self, lost: u64, delivered: u64) {
        self.shared.lost.fetch_add(lost, Ordering::AcqRel);
        let mut usage = self.shared.usage.lock();
        usage.totals.damaged += lost;
        usage.totals.deleted += delivered;
    }

    fn delete(&mut self, store: &mut SpoolStore, max: usize) -> Result<(), SpoolFault> {
        let ids = self.work.next_deletes(max);
        let mut deleted = 0;
        let mut change = store.begin()?;
        for id in &ids {
            deleted += u64::from(change.delete(*id)?);
        }
        let accounts = change.commit()?;
        store.adopt(accounts);
        self.last = LastState::of(&store.accounts.lanes, &store.files);
        self.deleted(&ids);
        self.shared.usage.lock().totals.deleted += deleted;
        Ok(())
    }
}
