//! Resume file: the position that a replay reached in its file.

use super::line::Content;
use crate::{input, private_file};
use justcall_events::{BodyHash, EventId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Bytes of a file's beginning that are hashed.
const HEAD_BYTES: u64 = 64 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileIdentity {
    /// Length in bytes.
    pub(super) bytes: u64,
    /// First half of the SHA-256 of the beginning, in hexadecimal.
    head: String,
}

impl FileIdentity {
    pub(super) fn of(file: &Path) -> io::Result<Self> {
        let file = input::open_regular(file)?;
        let bytes = file.metadata()?.len();
        let mut head = Vec::new();
        file.take(HEAD_BYTES).read_to_end(&mut head)?;
        Ok(Self { bytes, head: EventId::from_hash(&BodyHash::of(&head)).to_string() })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ContentKind {
    Events,
    Body,
    Records,
}

impl From<Content> for ContentKind {
    fn from(content: Content) -> Self {
        match content {
            Content::Events => Self::Events,
            Content::Body => Self::Body,
            Content::Records { .. } => Self::Records,
        }
    }
}

/// Follows "replayed as".
impl fmt::Display for ContentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Events => "events",
            Self::Body => "one body",
            Self::Records => "records",
        })
    }
}

/// Position before which every line is written or rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ResumePoint {
    file: FileIdentity,
    /// `None` in a file of an older version.
    #[serde(default)]
    content: Option<ContentKind>,
    /// Finished lines.
    pub(super) line: u64,
    /// Byte offset of the next line.
    pub(super) byte: u64,
    /// Rejected ones among the finished lines.
    pub(super) rejected: u64,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ResumeFileError {
    #[error("cannot read {0}: {1}")]
    Unreadable(PathBuf, io::Error),
    #[error("{0} is not a resume file: name another with --resume-file, or write a new one with --restart")]
    Foreign(PathBuf),
    #[error(
        "{0} changed since line {1} of it was replayed: --from-line {next} continues after that line, --restart begins again",
        next = .1.saturating_add(1)
    )]
    Changed(PathBuf, u64),
    #[error(
        "{file} was replayed as {saved} up to line {line}, not as {wanted}: repeat the flags of that run, or begin again with --restart"
    )]
    OtherContent { file: PathBuf, saved: ContentKind, line: u64, wanted: ContentKind },
    #[error("{0} has a position at which no line of {1} begins: remove it, or begin again with --restart")]
    Impossible(PathBuf, PathBuf),
}

impl ResumePoint {
    pub(super) fn beginning(file: FileIdentity, content: ContentKind) -> Self {
        Self { file, content: Some(content), line: 0, byte: 0, rejected: 0 }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.byte >= self.file.bytes
    }

    pub(super) fn load(
        resume_file: &Path,
        file: &Path,
        identity: &FileIdentity,
        content: ContentKind,
    ) -> Result<Option<Self>, ResumeFileError> {
        let text = match private_file::read(resume_file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                return Err(ResumeFileError::Foreign(resume_file.to_owned()));
            }
            Err(error) => return Err(ResumeFileError::Unreadable(resume_file.to_owned(), error)),
        };
        let point: Self =
            serde_json::from_slice(&text).map_err(|_| ResumeFileError::Foreign(resume_file.to_owned()))?;
        if point.file != *identity {
            return Err(ResumeFileError::Changed(file.to_owned(), point.line));
        }
        match point.content {
            Some(saved) if saved != content && point.line > 0 => Err(ResumeFileError::OtherContent {
                file: file.to_owned(),
                saved,
                line: point.line,
                wanted: content,
            }),
            _ => {
                let is_possible = point.is_possible(file, content);
                if is_possible.map_err(|error| ResumeFileError::Unreadable(file.to_owned(), error))? {
                    Ok(Some(Self { content: Some(content), ..point }))
                } else {
                    Err(ResumeFileError::Impossible(resume_file.to_owned(), file.to_owned()))
                }
            }
        }
    }

    /// Checks an upper bound of the line number only, because counting the lines would read all of them.
    fn is_possible(&self, file: &Path, content: ContentKind) -> io::Result<bool> {
        let is_plausible = self.byte <= self.file.bytes
            && self.line <= self.byte
            && (self.line == 0) == (self.byte == 0)
            && self.rejected <= self.line;
        if !is_plausible || self.byte == 0 || self.byte == self.file.bytes {
            return Ok(is_plausible);
        }
        let mut before = [0];
        let mut file = input::open_regular(file)?;
        file.seek(SeekFrom::Start(self.byte - 1))?;
        file.read_exact(&mut before)?;
        Ok(content != ContentKind::Body && before == *b"\n")
    }

    pub(super) fn save(&self, resume_file: &Path) -> io::Result<()> {
        private_file::replace(resume_file, &serde_json::to_vec(self)?)
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

    fn load(resume: &Path, file: &Path) -> Result<Option<ResumePoint>, ResumeFileError> {
        ResumePoint::load(resume, file, &FileIdentity::of(file).unwrap(), ContentKind::Events)
    }

    fn beginning(file: &Path) -> ResumePoint {
        ResumePoint::beginning(FileIdentity::of(file).unwrap(), ContentKind::Events)
    }

    #[test]
    fn saved_position_is_loaded_unchanged() {
        let (_folder, file, resume) = files();
        assert!(load(&resume, &file).unwrap().is_none());
        let point = ResumePoint { line: 1, byte: 3, rejected: 1, ..beginning(&file) };
        point.save(&resume).unwrap();
        assert_eq!(load(&resume, &file).unwrap(), Some(point));
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 2, "something is left behind");
    }

    #[test]
    fn changed_file_is_rejected_with_advice() {
        let (_folder, file, resume) = files();
        let point = ResumePoint { line: 7, ..beginning(&file) };
        point.save(&resume).unwrap();
        for changed in ["{}\n[]\n", "{}\n{}\n{}\n"] {
            fs::write(&file, changed).unwrap();
            let text = load(&resume, &file).unwrap_err().to_string();
            assert!(text.contains("--from-line 8") && text.contains("--restart"), "{text}");
        }
    }

    #[test]
    fn position_of_another_kind_of_content_is_rejected() {
        let (_folder, file, resume) = files();
        let load_as = |kind| ResumePoint::load(&resume, &file, &FileIdentity::of(&file).unwrap(), kind);
        ResumePoint { line: 2, ..beginning(&file) }.save(&resume).unwrap();
        for kind in [ContentKind::Records, ContentKind::Body] {
            let text = load_as(kind).unwrap_err().to_string();
            assert!(text.contains("as events up to line 2") && text.contains("--restart"), "{text}");
        }
        beginning(&file).save(&resume).unwrap();
        assert_eq!(load_as(ContentKind::Records).unwrap().unwrap().content, Some(ContentKind::Records));
    }

    #[test]
    fn resume_file_without_a_kind_of_content_is_still_read() {
        let (_folder, file, resume) = files();
        let point = ResumePoint { line: 1, byte: 3, ..beginning(&file) };
        let mut saved = serde_json::to_value(&point).unwrap();
        saved.as_object_mut().unwrap().remove("content").unwrap();
        fs::write(&resume, saved.to_string()).unwrap();
        assert_eq!(load(&resume, &file).unwrap(), Some(point));
    }

    #[test]
    fn position_that_no_replay_saved_is_rejected() {
        let (_folder, file, resume) = files();
        let at = |line, byte| ResumePoint { line, byte, ..beginning(&file) };
        for possible in [at(0, 0), at(1, 3), at(2, 6), at(1, 6)] {
            possible.save(&resume).unwrap();
            assert_eq!(load(&resume, &file).unwrap(), Some(possible));
        }
        let rejected = ResumePoint { rejected: 2, ..at(1, 3) };
        let body = ResumePoint { content: Some(ContentKind::Body), ..at(1, 3) };
        for impossible in [at(1, 2), at(1, 7), at(0, 3), at(1, 0), at(7, 6), at(u64::MAX, 3), rejected, body]
        {
            impossible.save(&resume).unwrap();
            let kind = impossible.content.unwrap();
            let identity = FileIdentity::of(&file).unwrap();
            let text = ResumePoint::load(&resume, &file, &identity, kind).unwrap_err().to_string();
            assert!(text.contains("--restart"), "{impossible:?}: {text}");
        }
    }

    #[test]
    fn unrelated_file_is_not_overwritten_as_resume_file() {
        let (_folder, file, resume) = files();
        fs::write(&resume, "precious").unwrap();
        assert!(matches!(load(&resume, &file), Err(ResumeFileError::Foreign(_))));
        assert_eq!(fs::read(&resume).unwrap(), b"precious");
        fs::write(&resume, vec![b'x'; 1 << 20]).unwrap();
        assert!(matches!(load(&resume, &file), Err(ResumeFileError::Foreign(_))));
    }
}
