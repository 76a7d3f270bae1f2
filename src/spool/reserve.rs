//! Real blocks on disk that only deletes may have: a full disk could not be drained without.
//!
//! They are lent by making the reserve the write-ahead log, and taken back likewise. In between they belong
//! to the spool: blocks that are given back to a full disk are whoever's comes first.

use super::files::{Files, private, remove, sync_directory};
use super::schema::{Access, Fault};
use super::store::Store;
use std::fs::{self, File};
use std::io::{self, Write};

const PIECE: usize = 64 * 1024;
/// So often a reader is waited for: five seconds at least, and longer where tries are far apart.
const MOST_HINDERED: u32 = 20;
/// SQLite's header of a log. One of zeros is that of an empty log.
const LOG_HEADER: u64 = 32;

#[derive(Debug)]
pub(super) struct Reserve {
    files: Files,
    bytes: u64,
    /// So many times in a row somebody else had the database open.
    hindered: u32,
}

impl Reserve {
    pub(super) fn new(files: Files, bytes: u64) -> Self {
        Self { files, bytes, hindered: 0 }
    }

    /// Makes it unless it is there. On an error nothing is left of it.
    pub(super) fn make(&self) -> io::Result<()> {
        if self.is_whole() {
            return Ok(());
        }
        self.write().inspect_err(|_| drop(self.remove()))
    }

    fn is_whole(&self) -> bool {
        fs::metadata(self.files.reserve()).is_ok_and(|found| found.len() == self.bytes)
    }

    /// Whether the log has its blocks.
    pub(super) fn is_lent(&self) -> bool {
        !self.is_whole() && self.files.wal_bytes() >= self.bytes
    }

    /// Written, not only made long: a hole holds no blocks. Those that it has it keeps.
    fn write(&self) -> io::Result<()> {
        let mut file = private(&self.files.reserve())?;
        let piece = [0; PIECE];
        let mut left = self.bytes;
        while left > 0 {
            let size = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            file.write_all(&piece[..size])?;
            left -= size as u64;
        }
        file.set_len(self.bytes)?;
        file.sync_all()
    }

    /// Gives its blocks to whoever comes first.
    pub(super) fn remove(&self) -> io::Result<()> {
        remove(&self.files.reserve())
    }

    /// Gives its blocks to the log, or where that cannot be to whoever comes first. Tells how the database
    /// is to be opened then.
    ///
    /// # Errors
    /// Also while somebody else has the database open, for some tries.
    pub(super) fn lend(&mut self) -> Result<Access, Fault> {
        match Store::open(&self.files.database(), 1, Access::Alone) {
            Ok(alone) => {
                self.hindered = 0;
                // As long as this store lives, nobody else has the log open.
                self.become_log()?;
                drop(alone);
                Ok(Access::Alone)
            }
            // `spool export` and the like end by themselves.
            Err(fault) if fault.is_busy() && self.hindered < MOST_HINDERED => {
                self.hindered += 1;
                Err(fault)
            }
            // It is read without end, or is to be salvaged: that takes room beside the log.
            Err(_) => Ok(self.remove().map(|()| Access::Shared)?),
        }
    }

    fn become_log(&self) -> io::Result<()> {
        if self.is_lent() {
            // Once more, should that have failed the last time.
            return sync_directory(&self.files.directory);
        }
        let log = self.files.wal_bytes();
        if !self.is_whole() || log.max(LOG_HEADER) > self.bytes {
            return self.remove();
        }
        let mut content = if log > 0 { fs::read(self.files.log())? } else { Vec::new() };
        // An old log in it is none any longer.
        content.resize(content.len().max(LOG_HEADER as usize), 0);
        let mut file = File::options().write(true).open(self.files.reserve())?;
        file.write_all(&content)?;
        file.sync_all()?;
        fs::rename(self.files.reserve(), self.files.log())?;
        sync_directory(&self.files.directory)
    }

    /// Takes its blocks back from the log of a store that is alone, if that can be written back.
    pub(super) fn take_back(&self, store: Store) -> Result<(), Fault> {
        if store.access == Access::Shared || !self.is_lent() || !store.checkpoint_if_it_fits()? {
            return Ok(());
        }
        self.leave_log()?;
        drop(store);
        // What it held is nobody's business any longer. Blocks that are there are written over.
        self.write().or_else(|_| self.remove())?;
        Ok(())
    }

    /// The log, which is in the database as a whole, is none any longer. As long as it is one nothing may
    /// be cut off it: SQLite would take what is left for newer than the database.
    fn leave_log(&self) -> io::Result<()> {
        fs::rename(self.files.log(), self.files.reserve())?;
        sync_directory(&self.files.directory)
    }
}

#[cfg(test)]
mod tests;
