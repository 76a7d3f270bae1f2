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
/// SQLite's header of a log. One of zeros is that of an empty log.
const LOG_HEADER: u64 = 32;

#[derive(Debug)]
pub(super) struct Reserve {
    files: Files,
    bytes: u64,
}

impl Reserve {
    pub(super) fn new(files: Files, bytes: u64) -> Self {
        Self { files, bytes }
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

    /// Written, not only made long: a hole holds no blocks.
    fn write(&self) -> io::Result<()> {
        let mut file = private(&self.files.reserve())?;
        file.set_len(0)?;
        let piece = [0; PIECE];
        let mut left = self.bytes;
        while left > 0 {
            let size = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            file.write_all(&piece[..size])?;
            left -= size as u64;
        }
        file.sync_all()
    }

    /// Gives its blocks to whoever comes first.
    pub(super) fn remove(&self) -> io::Result<()> {
        remove(&self.files.reserve())
    }

    /// Gives its blocks to the log, or where that cannot be to whoever comes first. Tells how the database
    /// is to be opened then.
    pub(super) fn lend(&self) -> io::Result<Access> {
        match Store::open(&self.files.database(), 1, Access::Alone) {
            // As long as this store lives, nobody else has the log open.
            Ok(_alone) => self.become_log().map(|()| Access::Alone),
            // Somebody reads it, or it is to be salvaged: that takes room beside the log.
            Err(_) => self.remove().map(|()| Access::Shared),
        }
    }

    fn become_log(&self) -> io::Result<()> {
        let log = self.files.wal_bytes();
        if !self.is_whole() {
            // Lent already.
            return Ok(());
        }
        if log.max(LOG_HEADER) > self.bytes {
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

    /// Takes its blocks back from the log of a store that is alone, if that can be written back. The store
    /// is not to be used any longer.
    pub(super) fn take_back(&self, store: &Store) -> Result<(), Fault> {
        if store.access == Access::Shared || !self.is_lent() || !store.checkpoint_if_it_fits()? {
            return Ok(());
        }
        File::options().write(true).open(self.files.log())?.set_len(self.bytes)?;
        fs::rename(self.files.log(), self.files.reserve())?;
        Ok(sync_directory(&self.files.directory)?)
    }
}
