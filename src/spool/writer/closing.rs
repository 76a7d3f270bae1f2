//! The end of the spool. Rows of files that another process removes meanwhile would be lost with this process.

use super::super::place::restore;
use super::super::queue::recovered;
use super::super::schema::Fault;
use super::super::store::Store;
use super::super::watch::is_at;
use super::Writer;
use std::fs::File;
use std::sync::atomic::Ordering;

impl Writer {
    /// Commits what is left, writes the log back, and compares the files once more before and after they are
    /// closed.
    pub(super) fn finish(mut self) {
        // Once more if the files were changed after the first check.
        for _ in 0..2 {
            self.commit_the_rest();
            if self.store.take().is_none_or(|store| self.close(store)) {
                break;
            }
        }
        if let Some(unlinked) = &self.unlinked {
            self.lose(unlinked.accounts.lanes.iter().map(|lane| lane.rows).sum());
        }
        recovered(&self.shared.usage).taking = false;
    }

    fn commit_the_rest(&mut self) {
        if let Err(fault) = self.check_files() {
            self.fail(&fault);
        }
        if self.store.is_none() {
            self.reopen();
        }
        while self.store.is_some() && !self.work.is_empty() {
            self.group(Vec::new());
        }
        recovered(&self.shared.reader).release();
    }

    /// Closes the store. Returns `false` if its files were changed: then it is not closed in order.
    fn close(&mut self, store: Store) -> bool {
        #[cfg(test)]
        self.shared.interfere();
        let rows: u64 = store.accounts.lanes.iter().map(|lane| lane.rows).sum();
        // Before SQLite closes its own, and dropped after that: to close a file drops the locks of the process.
        let held = File::open(self.shared.files.database());
        let written_back = store.checkpoint();
        if let Err(fault) = store.files.check(&store.connection) {
            self.store = Some(store);
            self.fail(&fault);
            return false;
        }
        #[cfg(test)]
        self.shared.interfere();
        if let Err(error) = written_back.and_then(|_| store.close()) {
            tracing::warn!(%error, "the spool's log was not written back; the next start does it");
        }
        if let Err(fault) = held.map_err(Fault::from).and_then(|held| self.keep_in_place(&held)) {
            tracing::warn!(error = %fault, "the spool's file cannot be looked at after its end");
            self.lose(rows);
        }
        true
    }

    /// Puts a copy of the closed database into its place if it is no longer there.
    fn keep_in_place(&self, held: &File) -> Result<(), Fault> {
        if is_at(held, &self.shared.files.database())? {
            return Ok(());
        }
        self.shared.files.make()?;
        Ok(restore(&self.shared.files, held)?)
    }

    fn lose(&self, rows: u64) {
        self.shared.lost_at_close.store(rows, Ordering::Release);
        tracing::error!(
            rows,
            directory = %self.shared.files.directory.display(),
            "the spool's files were removed, and their rows cannot be copied into new ones: they are lost"
        );
    }
}
