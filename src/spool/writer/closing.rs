//! Close of the spool, also if another process removes the files meanwhile.

use super::super::file_swap::restore;
use super::super::open_files::is_at;
use super::super::schema::SpoolFault;
use super::super::store::SpoolStore;
use super::SpoolWriter;
use std::fs::File;
use std::io::ErrorKind;
use std::sync::atomic::Ordering;

impl SpoolWriter {
    pub(super) fn finish(mut self) {
        let mut is_closed = false;
        // Twice, if the files were changed after the first check.
        for _ in 0..2 {
            self.commit_rest();
            let Some(store) = self.store.take() else { break };
            is_closed = self.close(store);
            if is_closed {
                break;
            }
        }
        if !is_closed {
            let lost = self.lost_without_store();
            if lost > 0 {
                self.report_lost(lost);
            }
        }
        self.shared.usage.lock().is_accepting = false;
    }

    fn commit_rest(&mut self) {
        if let Err(fault) = self.check_files() {
            self.fail(&fault);
        }
        if self.store.is_none() {
            self.reopen();
        }
        if let Some(store) = &self.store {
            store.end_verification();
        }
        while self.store.is_some() && self.has_work() {
            self.commit_group(Vec::new());
        }
        self.shared.reader.lock().release();
    }

    /// Returns `false` if the files were changed.
    fn close(&mut self, store: SpoolStore) -> bool {
        #[cfg(test)]
        self.shared.interfere();
        let rows: u64 = store.accounts.lanes.iter().map(|lane| lane.rows).sum();
        // Closing a file drops the locks of the process, so this handle is dropped last.
        let held = File::open(self.shared.files.database());
        let written_back = store.checkpoint();
        if let Err(fault) = store.check() {
            self.store = Some(store);
            self.fail(&fault);
            return false;
        }
        #[cfg(test)]
        self.shared.interfere();
        if let Err(error) = written_back.and_then(|_| store.close()) {
            tracing::warn!(%error, "the spool's log was not written back; the next start does it");
        }
        let is_unreadable = held.as_ref().is_err_and(|error| error.kind() != ErrorKind::NotFound);
        if let Err(fault) = held.map_err(SpoolFault::from).and_then(|held| self.keep_in_place(&held)) {
            tracing::warn!(error = %fault, "cannot check the spool's file after it was closed");
            // A later start may be able to read it.
            if !is_unreadable {
                self.report_lost(rows);
            }
        }
        true
    }

    fn lost_without_store(&mut self) -> u64 {
        let known = self.known_state();
        match &self.unlinked {
            Some(open) if matches!(open.files.check(&open.connection), Err(SpoolFault::Io(_))) => 0,
            Some(_) => known.rows(),
            None => known.lost_in_file(&self.shared.files.database()),
        }
    }

    /// Restores the closed database if it is no longer on disk.
    fn keep_in_place(&self, held: &File) -> Result<(), SpoolFault> {
        if is_at(held, &self.shared.files.database())? {
            return Ok(());
        }
        self.shared.files.create()?;
        Ok(restore(&self.shared.files, held)?)
    }

    fn report_lost(&self, rows: u64) {
        self.shared.lost.fetch_add(rows, Ordering::AcqRel);
        tracing::error!(
            rows,
            directory = %self.shared.files.directory.display(),
            "the spool's files were removed, and their rows cannot be copied into new ones: they are lost"
        );
    }
}
