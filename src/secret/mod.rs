//! Secrets: values that no log line shows, that compare in constant time and that are wiped when they go.

use crate::input;
use sha2::{Digest, Sha256};
use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

#[cfg(test)]
mod tests;

/// A value that must not be shown.
///
/// It prints as `***`, and its memory is overwritten when it is dropped. What others make of it, such
/// as a library that is given a password, is out of its reach.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the value over, without leaving a copy behind.
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value itself, for the one who needs it: not to be logged, not to be kept.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `candidate` is the same, in a time that depends on neither value.
    pub fn is(&self, candidate: &str) -> bool {
        // Digests have one length, whatever was guessed.
        Sha256::digest(self.0.as_bytes()).ct_eq(&Sha256::digest(candidate.as_bytes())).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self::new(value.to_owned())
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

impl Eq for Secret {}

/// Largest file of secrets, in bytes.
const MAX_FILE_LEN: usize = 64 * 1024;

/// Why a file gives no secrets. Says nothing of what is in it.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system does not let it be read.
    #[error("the file cannot be read: {}", .0.kind())]
    Unreadable(#[from] std::io::Error),
    /// A FIFO, a terminal or another device, which may never end.
    #[error("is not a regular file")]
    NotRegular,
    /// It is larger than any secret.
    #[error("the file has more than 64 KiB: that is no secret")]
    TooLarge,
    /// It is no text.
    #[error("the file is not UTF-8 text")]
    NotText,
    /// It has no line with anything in it.
    #[error("the file is empty; it must hold a secret on each line")]
    Empty,
}

/// Reads the one secret that is a file, without the line's end behind it.
///
/// # Errors
/// When it cannot be read, or is not text.
pub fn read_whole_file(path: &Path) -> Result<Secret, FileError> {
    let bytes = read_bytes(path)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| FileError::NotText)?;
    Ok(text.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']).into())
}

/// Reads the secrets in a file, one a line. Empty lines, and white space around a secret, are no
/// part of any.
///
/// # Errors
/// When there is none to be had.
pub fn read_file(path: &Path) -> Result<Vec<Secret>, FileError> {
    let bytes = read_bytes(path)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| FileError::NotText)?;
    // Some editors put a mark before the text that nobody sees.
    let text = text.trim_start_matches('\u{feff}');
    let secrets: Vec<_> =
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Secret::from).collect();
    if secrets.is_empty() { Err(FileError::Empty) } else { Ok(secrets) }
}

/// When a file was last written, in seconds since 1970; 0 where nobody can tell.
pub fn modified(path: &Path) -> u64 {
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    let since = modified.ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_secs())
}

fn read_bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    // Room for all of it at once: a buffer that grew would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE_LEN + 1));
    let file = input::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => FileError::NotRegular,
        _ => FileError::Unreadable(error),
    })?;
    // Its metadata may not have its length: a pipe has none.
    file.take(MAX_FILE_LEN as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_FILE_LEN { Err(FileError::TooLarge) } else { Ok(bytes) }
}
