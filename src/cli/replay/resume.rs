//! How far a file was replayed, remembered beside it.

use crate::cli::files;
use crate::input;
use justcall_events::{BodyHash, EventId};
use serde::{Deserialize, Serialize};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

#[cfg(test)]
mod tests;

/// Of so much of a file's beginning the hash is kept.
const HEAD_BYTES: u64 = 64 * 1024;

/// A file, as far as it tells whether it is the same one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// Its length.
    pub(super) bytes: u64,
    /// The first half of its beginning's SHA-256.
    head: String,
}

impl Identity {
    /// Reads a file's beginning.
    pub(super) fn of(file: &Path) -> io::Result<Self> {
        let file = input::open_regular(file)?;
        let bytes = file.metadata()?.len();
        let mut head = Vec::new();
        file.take(HEAD_BYTES).read_to_end(&mut head)?;
        Ok(Self { bytes, head: EventId::from_hash(&BodyHash::of(&head)).to_string() })
    }
}

/// A point up to which every line is written, or rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Point {
    /// The file that it is about.
    file: Identity,
    /// Lines that are done.
    pub(super) line: u64,
    /// Where the next line begins.
    pub(super) byte: u64,
    /// How many of them were rejected.
    pub(super) rejected: u64,
    /// How long the file of rejected lines was.
    pub(super) rejects_bytes: u64,
}

/// Why what is remembered is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("cannot read {0}: {1}")]
    Unreadable(PathBuf, io::Error),
    #[error("{0} is no resume file: name another with --resume-file, or --restart to write it anew")]
    Foreign(PathBuf),
    #[error(
        "{0} changed since line {1} of it was replayed: --from-line {next} goes on behind that line, --restart begins again",
        next = .1 + 1
    )]
    Changed(PathBuf, u64),
}

impl Point {
    /// The beginning of a file.
    pub(super) fn beginning(file: Identity) -> Self {
        Self { file, line: 0, byte: 0, rejected: 0, rejects_bytes: 0 }
    }

    /// Whether every line of the file is done.
    pub(super) fn is_at_end(&self) -> bool {
        self.byte >= self.file.bytes
    }

    /// What is remembered of a file; `None` if nothing is.
    pub(super) fn load(
        resume_file: &Path,
        file: &Path,
        identity: &Identity,
    ) -> Result<Option<Self>, Unusable> {
        let text = match files::read(resume_file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Unusable::Unreadable(resume_file.to_owned(), error)),
        };
        let point: Self =
            serde_json::from_slice(&text).map_err(|_| Unusable::Foreign(resume_file.to_owned()))?;
        if point.file != *identity {
            return Err(Unusable::Changed(file.to_owned(), point.line));
        }
        Ok(Some(point))
    }

    /// Writes it whole or not at all.
    pub(super) fn save(&self, resume_file: &Path) -> io::Result<()> {
        files::replace(resume_file, &serde_json::to_vec(self)?)
    }
}
