//! Disk blocks reserved for deletes. They become the write-ahead log by a rename, and return by a rename,
//! because another process could take blocks that were freed on a full disk.

use super::files::{SpoolFiles, private, remove, sync_directory};
use super::open_files::LOG_HEADER;
use super::schema::{DatabaseAccess, SpoolFault};
use super::store::SpoolStore;
use std::fs::{self, File};
use std::io::{self, Write};

const CHUNK_BYTES: usize = 64 * 1024;
/// Tries of 250 ms.
const MAX_BUSY_TRIES: u32 = 20;

#[derive(Debug)]
pub(super) struct DiskReserve {
    files: SpoolFiles,
    bytes: u64,
    busy_tries: u32,
}

impl DiskReserve {
    pub(super) fn new(files: SpoolFiles, bytes: u64) -> Self {
        Self { files, bytes, busy_tries: 0 }
    }

    /// Creates the reserve if it is missing. Removes it on an error.
    pub(super) fn create(&self) -> io::Result<()> {
        if self.is_complete() {
            return Ok(());
        }
        self.write().inspect_err(|_| drop(self.remove()))
    }

    fn is_complete(&self) -> bool {
        fs::metadata(self.files.reserve()).is_ok_and(|found| found.len() == self.bytes)
    }

    /// Returns whether a copy that failed on a full disk may succeed with the reserve's space.
    pub(super) fn is_enough_for(&self, fault: &SpoolFault) -> bool {
        self.is_complete()
            && match fault {
                SpoolFault::NoRoom { needed, free } => free.saturating_add(self.bytes) >= *needed,
                fault => fault.is_full(),
            }
    }

    pub(super) fn is_released(&self) -> bool {
        !self.is_complete() && self.files.wal_bytes() >= self.bytes
    }

    /// Writes every block, because a sparse file has none. Keeps existing blocks.
    fn write(&self) -> io::Result<()> {
        let mut file = private(&self.files.reserve())?;
        let piece = [0; CHUNK_BYTES];
        let mut left = self.bytes;
        while left > 0 {
            let size = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            file.write_all(&piece[..size])?;
            left -= size as u64;
        }
        file.set_len(self.bytes)?;
        file.sync_all()
    }

    pub(super) fn remove(&self) -> io::Result<()> {
        remove(&self.files.reserve())
    }

    /// Moves the blocks to the log, or frees them if that is impossible. Fails while another process has the
    /// database open, [`MAX_BUSY_TRIES`] times.
    pub(super) fn release(&mut self) -> Result<DatabaseAccess, SpoolFault> {
        match SpoolStore::open(&self.files.database(), 1, DatabaseAccess::Exclusive) {
            Ok(alone) => {
                self.busy_tries = 0;
                // While this store is open, no other process has the log open.
                self.become_log()?;
                drop(alone);
                Ok(DatabaseAccess::Exclusive)
            }
            // Processes such as `spool export` end soon.
            Err(fault) if fault.is_busy() && self.busy_tries < MAX_BUSY_TRIES => {
                self.busy_tries += 1;
                Err(fault)
            }
            // Another process reads without end, or the file must be salvaged, which needs disk space outside
            // the log.
            Err(_) => Ok(self.remove().map(|()| DatabaseAccess::Shared)?),
        }
    }

    fn become_log(&self) -> io::Result<()> {
        if self.is_released() {
            // The last sync may have failed.
            return sync_directory(&self.files.directory);
        }
        let log = self.files.wal_bytes();
        if !self.is_complete() || log.max(LOG_HEADER) > self.bytes {
            return self.remove();
        }
        let mut content = if log > 0 { fs::read(self.files.log())? } else { Vec::new() };
        // A header of zeros is an empty log. It invalidates the rest of an old log.
        content.resize(content.len().max(LOG_HEADER as usize), 0);
        let mut file = File::options().write(true).open(self.files.reserve())?;
        file.write_all(&content)?;
        file.sync_all()?;
        fs::rename(self.files.reserve(), self.files.log())?;
        sync_directory(&self.files.directory)
    }

    pub(super) fn reclaim(&self, store: SpoolStore) -> Result<(), SpoolFault> {
        if store.access == DatabaseAccess::Shared || !self.is_released() || !store.checkpoint_if_it_fits()? {
            return Ok(());
        }
        self.leave_log()?;
        drop(store);
        // Overwrites the log, which is no longer needed.
        self.write().or_else(|_| self.remove())?;
        Ok(())
    }

    /// Renames the log after its write-back. SQLite would take the rest of a truncated one for newer than the
    /// database.
    fn leave_log(&self) -> io::Result<()> {
        fs::rename(self.files.log(), self.files.reserve())?;
        sync_directory(&self.files.directory)
    }
}

#[cfg(test)]
mod tests;
