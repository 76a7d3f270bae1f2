//! Secrets: never printed, compared in constant time and wiped on drop.

use crate::input;
use sha2::{Digest, Sha256};
use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Prints as `***`. Copies in libraries, such as a password in librdkafka, are not wiped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Does not copy the value.
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// Callers must not log or keep the value.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Takes constant time.
    pub fn matches(&self, candidate: &str) -> bool {
        // Digests have equal lengths, so that the time does not depend on the length.
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
        self.matches(&other.0)
    }
}

impl Eq for Secret {}

const MAX_FILE_LEN: usize = 64 * 1024;

/// Never contains the file's content.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretFileError {
    #[error("the file cannot be read: {}", .0.kind())]
    Unreadable(#[from] std::io::Error),
    /// A FIFO, a terminal or another device may never end.
    #[error("is not a regular file")]
    NotRegular,
    #[error("the file has more than 64 KiB; a secret is shorter")]
    TooLarge,
    #[error("the file is not UTF-8 text")]
    NotText,
    /// NUL or another control character, as after a power loss.
    #[error("the file has a control character such as NUL; write it again")]
    ControlCharacter,
    #[error("the file is empty; it must hold a secret on each line")]
    Empty,
}

/// Reads one secret, without the line break at its end.
pub(crate) fn read_secret(path: &Path) -> Result<Secret, SecretFileError> {
    let bytes = read_bytes(path)?;
    Ok(text(&bytes)?.trim_end_matches(['\r', '\n']).into())
}

/// Reads one secret a line. Skips empty lines, and trims white space.
pub(crate) fn read_secrets(path: &Path) -> Result<Vec<Secret>, SecretFileError> {
    let bytes = read_bytes(path)?;
    let secrets: Vec<_> =
        text(&bytes)?.lines().map(str::trim).filter(|line| !line.is_empty()).map(Secret::from).collect();
    if secrets.is_empty() { Err(SecretFileError::Empty) } else { Ok(secrets) }
}

/// Returns seconds since 1970; 0 if unknown.
pub(crate) fn modified_at(path: &Path) -> u64 {
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    let since_epoch = modified.ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    since_epoch.map_or(0, |since| since.as_secs())
}

/// Removes a byte order mark, which some editors write.
fn text(bytes: &[u8]) -> Result<&str, SecretFileError> {
    let text = std::str::from_utf8(bytes).map_err(|_| SecretFileError::NotText)?;
    if text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(SecretFileError::ControlCharacter);
    }
    Ok(text.trim_start_matches('\u{feff}'))
}

fn read_bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretFileError> {
    // A buffer that grows would leave copies in memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE_LEN + 1));
    let file = input::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => SecretFileError::NotRegular,
        _ => SecretFileError::Unreadable(error),
    })?;
    // Ignores the file's length, because a pipe has none.
    file.take(MAX_FILE_LEN as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_FILE_LEN { Err(SecretFileError::TooLarge) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    #[test]
    fn secret_prints_as_stars() {
        let secret = Secret::from("hush-4711");
        let mut printed = format!("{secret:?} {secret:#?} {:?}", [Some(&secret)]);
        write!(printed, "{:?}", Err::<(), _>(&secret)).unwrap();
        assert!(!printed.contains("4711"), "{printed}");
        assert!(printed.starts_with("*** ***"), "{printed}");
    }

    #[test]
    fn only_equal_text_matches() {
        let secret = Secret::from("hush");
        assert!(secret.matches("hush"));
        for other in ["", "hus", "hushh", "Hush", " hush", "hush\0"] {
            assert!(!secret.matches(other), "{other:?}");
        }
        assert_eq!(secret, Secret::from("hush"));
        assert_ne!(secret, Secret::from("hush "));
    }

    fn read(bytes: &[u8]) -> Result<Vec<Secret>, SecretFileError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, bytes).unwrap();
        read_secrets(file.path())
    }

    #[test]
    fn each_line_that_is_not_blank_is_a_secret() {
        let secrets = read("\u{feff}first\r\n\n  second \nthird".as_bytes()).unwrap();
        assert_eq!(secrets, ["first", "second", "third"].map(Secret::from));
    }

    #[test]
    fn file_without_secrets_is_an_error_without_content() {
        assert!(matches!(read(b" \n\n"), Err(SecretFileError::Empty)));
        assert!(matches!(read(b"caf\xe9-4711"), Err(SecretFileError::NotText)));
        assert!(matches!(read(&vec![b'a'; 65 * 1024]), Err(SecretFileError::TooLarge)));
        assert!(
            matches!(read_secrets(Path::new("/dev/zero")), Err(SecretFileError::NotRegular)),
            "without an end"
        );
        assert!(matches!(read_secrets(Path::new("/nowhere/at/all")), Err(SecretFileError::Unreadable(_))));
        let error = read(b"caf\xe9-4711").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("4711"));
    }

    /// A file that a power loss cut is filled with NUL.
    #[test]
    fn control_characters_are_refused() {
        for text in ["good\n\0\0\0", "\0", "go\x1bod", "good\n\u{85}x\n", "good\x7f"] {
            let error = read(text.as_bytes()).unwrap_err();
            assert!(matches!(error, SecretFileError::ControlCharacter), "{text:?}: {error}");
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(&file, text).unwrap();
            assert!(matches!(read_secret(file.path()), Err(SecretFileError::ControlCharacter)), "{text:?}");
        }
        assert_eq!(read(b"one\ttwo\r\n").unwrap(), [Secret::from("one\ttwo")]);
    }

    #[test]
    fn secret_is_wiped_on_drop() {
        fn is_wiped(_: &impl zeroize::ZeroizeOnDrop) {}
        let Secret(value) = &Secret::from("0123456789abcdef");
        is_wiped(value);
    }
}
