//! Files that an operator names. Opening a FIFO blocks, and a terminal or `/dev/zero` may never end. So only
//! regular files are accepted, and pipes passed as open descriptors, such as `/dev/stdin` or a shell's
//! `/dev/fd/63`.

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

/// Bytes that are read as a whole.
pub(crate) const MAX_LEN: usize = 256 * 1024 * 1024;

pub(crate) fn open(path: &Path) -> io::Result<File> {
    let flags = i32::try_from((OFlags::NONBLOCK | OFlags::NOCTTY).bits()).map_err(io::Error::other)?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        return Ok(file);
    }
    // Commonly used as an empty file.
    if path == Path::new("/dev/null") {
        return Ok(file);
    }
    if kind.is_fifo() && is_descriptor(path) {
        // Reads wait for the writer, as on standard input.
        fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
        return Ok(file);
    }
    Err(not_regular())
}

/// The file can be read again and from any position.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    let file = open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(not_regular())
}

pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_all(open(path)?)
}

/// `-` is standard input.
pub(crate) fn read_argument(path: &Path) -> io::Result<Vec<u8>> {
    if path == Path::new("-") { read_all(io::stdin().lock()) } else { read(path) }
}

/// Fails if the file is not UTF-8.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "is not UTF-8 text"))
}

/// Fails above [`MAX_LEN`].
fn read_all(input: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(MAX_LEN as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_LEN {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "has more than 256 MiB"));
    }
    Ok(bytes)
}

fn not_regular() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "is not a regular file")
}

fn is_descriptor(path: &Path) -> bool {
    path == Path::new("/dev/stdin") || path.starts_with("/dev/fd") || path.starts_with("/proc/self/fd")
}

/// Some editors write a byte order mark.
pub(crate) fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    fn only_regular_files_and_passed_pipes_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let (file, fifo) = (folder.path().join("file"), folder.path().join("fifo"));
        std::fs::write(&file, "text").unwrap();
        assert_eq!(read_text(&file).unwrap(), "text");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
        assert!(made.success());
        for path in [fifo.as_path(), folder.path(), Path::new("/dev/zero")] {
            let error = read(path).unwrap_err().to_string();
            assert!(error.contains("is not a regular file"), "{}: {error}", path.display());
        }
        assert_eq!(read(Path::new("/nowhere/at/all")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn null_device_is_an_empty_file() {
        assert_eq!(read(Path::new("/dev/null")).unwrap(), b"");
    }

    #[test]
    fn passed_pipe_is_read_to_its_end_and_is_no_regular_file() {
        let (reader, writer) = io::pipe().unwrap();
        let path = format!("/dev/fd/{}", reader.as_raw_fd());
        assert!(open_regular(Path::new(&path)).is_err());
        let slow = std::thread::spawn(move || {
            use std::io::Write;
            std::thread::sleep(std::time::Duration::from_millis(50));
            (&writer).write_all(b"late").unwrap();
        });
        assert_eq!(read(Path::new(&path)).unwrap(), b"late");
        slow.join().unwrap();
    }

    #[test]
    fn endless_input_is_an_error() {
        assert_eq!(read_all(io::repeat(0)).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
