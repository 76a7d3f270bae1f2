//! Real blocks on disk that only deletes may have: a full disk could not be drained without.

use super::files::{private, remove};
use std::io::{self, Write};
use std::path::PathBuf;

const PIECE: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    bytes: u64,
}

impl Reserve {
    pub(super) fn new(path: PathBuf, bytes: u64) -> Self {
        Self { path, bytes }
    }

    /// Makes it unless it is there. On an error nothing is left of it.
    pub(super) fn make(&self) -> io::Result<()> {
        if std::fs::metadata(&self.path).is_ok_and(|found| found.len() == self.bytes) {
            return Ok(());
        }
        self.write().inspect_err(|_| drop(remove(&self.path)))
    }

    /// Written, not only made long: a hole holds no blocks.
    fn write(&self) -> io::Result<()> {
        let mut file = private(&self.path)?;
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

    /// Gives its blocks to the deletes.
    pub(super) fn remove(&self) -> io::Result<()> {
        remove(&self.path)
    }
}
