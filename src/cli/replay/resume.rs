//! Resume file: the position that a replay reached in its file.

use crate::cli::files;
use crate::input;
use justcall_events::{BodyHash, EventId};
use serde::{Deserialize, Serialize};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Length of the beginning of a file that is hashed, in bytes.
const HEAD_BYTES: u64 = 64 * 1024;

/// Length and hash that identify a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// Length of the file, in bytes.
    pub(super) bytes: u64,
    /// First half of the SHA-256 of the beginning, in hexadecimal.
    head: String,
}

impl Identity {
    /// Reads the length and the beginning of a file.
    pub(super) fn of(file: &Path) -> io::Result<Self> {
        let file = input::open_regular(file)?;
        let bytes = file.metadata()?.len();
        let mut head = Vec::new();
        file.take(HEAD_BYTES).read_to_end(&mut head)?;
        Ok(Self { bytes, head: EventId::from_hash(&BodyHash::of(&head)).to_string() })
    }
}

/// Position before which every line is written or rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Point {
    /// File that the position belongs to.
    file: Identity,
    /// Number of finished lines.
    pub(super) line: u64,
    /// Byte offset of the next line.
    pub(super) byte: u64,
    /// Number of rejected lines among them.
    pub(super) rejected: u64,
    /// Length of the file of rejected lines, in bytes.
    pub(super) rejects_bytes: u64,
}

/// Reason why a resume file cannot be used.
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
    /// Returns the position at the beginning of a file.
    pub(super) fn beginning(file: Identity) -> Self {
        Self { file, line: 0, byte: 0, rejected: 0, rejects_bytes: 0 }
    }

    /// Returns true if every line of the file is finished.
    pub(super) fn is_at_end(&self) -> bool {
        self.byte >= self.file.bytes
    }

    /// Loads the saved position of a file; `None` if there is none.
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

    /// Replaces the resume file atomically.
    pub(super) fn save(&self, resume_file: &Path) -> io::Result<()> {
        files::replace(resume_file, &serde_json::to_vec(self)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn files() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (file, resume) = (folder.path().join("a.ndjson"), folder.path().join("a.ndjson.resume"));
        fs::write(&file, "{}\n{}\n").unwrap();
        (folder, file, resume)
    }

    fn load(resume: &Path, file: &Path) -> Result<Option<Point>, Unusable> {
        Point::load(resume, file, &Identity::of(file).unwrap())
    }

    #[test]
    fn saved_position_is_loaded_unchanged() {
        let (_folder, file, resume) = files();
        assert!(load(&resume, &file).unwrap().is_none());
        let beginning = Point::beginning(Identity::of(&file).unwrap());
        let point = Point { line: 1, byte: 3, rejected: 1, rejects_bytes: 3, ..beginning };
        point.save(&resume).unwrap();
        assert_eq!(load(&resume, &file).unwrap(), Some(point));
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 2, "something is left behind");
    }

    #[test]
    fn changed_file_is_rejected_with_advice() {
        let (_folder, file, resume) = files();
        let point = Point { line: 7, ..Point::beginning(Identity::of(&file).unwrap()) };
        point.save(&resume).unwrap();
        for changed in ["{}\n[]\n", "{}\n{}\n{}\n"] {
            fs::write(&file, changed).unwrap();
            let text = load(&resume, &file).unwrap_err().to_string();
            assert!(text.contains("--from-line 8") && text.contains("--restart"), "{text}");
        }
    }

    #[test]
    fn unrelated_file_is_not_overwritten_as_resume_file() {
        let (_folder, file, resume) = files();
        fs::write(&resume, "precious").unwrap();
        assert!(matches!(load(&resume, &file), Err(Unusable::Foreign(_))));
        assert_eq!(fs::read(&resume).unwrap(), b"precious");
    }
}
