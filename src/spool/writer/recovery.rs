//! The way back from a disk that failed, was full, or gave back other bytes than it was given.

use super::super::Recount;
use super::super::damage;
use super::super::group::Counts;
use super::super::queue::recovered;
use super::super::reader::Reader;
use super::super::schema::{Access, Fault};
use super::super::store::Store;
use super::{MOST_DELETES, VACUUM_PAGES, Writer};
use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Rows deleted in one transaction when the disk is full; and where the log has no room for so many.
const MANY_DELETES: usize = 512;
const FEW_DELETES: usize = 64;
/// How long these deletes go on at a time: nobody reads meanwhile.
const DELETING: Duration = Duration::from_millis(500);
/// Written once for proof before records are taken again.
const PROBE_BYTES: usize = 64 * 1024;

impl Writer {
    /// Tries to go on with the file.
    pub(super) fn reopen(&mut self) {
        let had = self.work.deletes.len();
        let mut outcome = self.try_reopen();
        if matches!(&outcome, Err(fault) if fault.is_full())
            && self.unlinked.is_none()
            && (had > 0 || self.reserve.is_lent())
        {
            outcome = self.delete_on_full_disk().and(outcome);
        }
        if self.work.deletes.len() < had {
            self.backoff.reset();
        }
        match outcome.and_then(|store| self.recount(store)) {
            Ok(store) => {
                self.store = Some(store);
                self.checkpoint_above = self.shared.limits.wal;
                tracing::info!(directory = %self.shared.files.directory.display(), "the spool takes records again");
                self.publish(Counts::default());
            }
            Err(fault) => self.fail(&fault),
        }
    }

    /// Reports rows and identities of refused appends that are in the file all the same. No read sees the
    /// rows before they are counted.
    fn recount(&mut self, store: Store) -> Result<Store, Fault> {
        let committed = self.shared.committed.load(Ordering::Acquire);
        let found = Recount {
            rows: store.rows_after(committed)?,
            identities: store.identities(self.next_identity, self.shared.limits.identities)?,
        };
        recovered(&self.shared.usage).totals.appended += found.rows.len() as u64;
        if let Some(listener) = self.shared.on_recount.get() {
            listener(found);
        }
        self.shared.committed.store(store.last_id(), Ordering::Release);
        self.next_identity = store.accounts.next_identity;
        Ok(store)
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
            return Err(io::Error::other("another process reads it and hinders the write-back").into());
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
        self.publish_of(&store);
        self.reserve.take_back(store)
    }

    /// Opens the file, and salvages it first if it is damaged. Nobody reads meanwhile.
    fn open_trusted(&mut self, reader: &mut Reader, access: Access) -> Result<Store, Fault> {
        reader.release();
        let known = damage::Known {
            lanes: self.lanes.clone(),
            session: self.session,
            last_id: self.shared.committed.load(Ordering::Acquire),
        };
        self.shared.files.make()?;
        self.keep_lock()?;
        let mut lost_in_rescue = 0;
        if let Some(open) = &self.unlinked {
            match open.files.check(&open.connection) {
                // A volume is back in its place.
                Ok(()) => {}
                Err(fault @ Fault::Io(_)) => return Err(fault),
                Err(_) => {
                    lost_in_rescue = damage::rescue(&self.shared.files, &open.connection, &known)?;
                    self.distrusted = false;
                }
            }
        }
        self.unlinked = None;
        let next_id = known.last_id + 1;
        let damage::Opened { store, lost } =
            damage::open_store(&self.shared.files, next_id, &known, self.distrusted, access)?;
        self.distrusted = false;
        reader.generation += 1;
        // Before anybody reads the new file: what is not in it is counted.
        recovered(&self.shared.usage).totals.damaged += lost_in_rescue + lost;
        #[cfg(test)]
        self.shared.limit_pages(&store.connection)?;
        self.lanes.clone_from(&store.accounts.lanes);
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
}
