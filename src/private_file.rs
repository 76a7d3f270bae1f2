//! Files that commands write and read again: no other user may have prepared them.
//!
//! A file is opened only if it is regular, reached without links, has no further hard links, belongs to this
//! user or root, and is not writable by all. Its group may write, because volumes with an fsGroup allow it.

use rustix::process::geteuid;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// New files can contain personal data.
const FILE_MODE: u32 = 0o600;

const WRITABLE_BY_ALL: u32 = 0o002;

const MAX_LEN: u64 = 64 * 1024;

const MAX_NAMES: usize = 16;

/// Creates a missing file, and ends an unfinished last line, which a killed process may have left.
pub(crate) fn append_lines(path: &Path) -> io::Result<File> {
    let mut file = open_own(path, OpenOptions::new().create(true).read(true).append(true).mode(FILE_MODE))?;
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    if last != [b'\n'] {
        file.write_all(b"\n")?;
    }
    Ok(file)
}

/// Also fails for more than 64 KiB.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    open_own(path, OpenOptions::new().read(true))?.take(MAX_LEN + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MAX_LEN {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "has more than 64 KiB"));
    }
    Ok(content)
}

fn open_own(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    let file =
        options.custom_flags(flags).open(path).map_err(|error| if is_link(path) { link() } else { error })?;
    let found = file.metadata()?;
    if !found.is_file() || found.nlink() > 1 {
        return Err(link());
    }
    check_owner(&found)?;
    if found.mode() & WRITABLE_BY_ALL != 0 {
        return Err(io::Error::other("every user can write to it: remove it, or `chmod o-w` if it is yours"));
    }
    Ok(file)
}

fn check_owner(found: &Metadata) -> io::Result<()> {
    if [0, geteuid().as_raw()].contains(&found.uid()) {
        return Ok(());
    }
    let text = format!("belongs to another user (uid {}): remove it, or name another file", found.uid());
    Err(io::Error::other(text))
}

/// Replaces a regular file atomically. It keeps its mode, except the right of every user to write.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let before = fs::symlink_metadata(path).ok();
    if before.as_ref().is_some_and(|before| !before.is_file()) {
        return Err(link());
    }
    let (new, mut file) = temporary(path)?;
    let written = (|| {
        file.write_all(content)?;
        if let Some(before) = before {
            file.set_permissions(Permissions::from_mode(before.mode() & 0o7777 & !WRITABLE_BY_ALL))?;
        }
        file.sync_data()?;
        fs::rename(&new, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

/// In the folder of `path`, under a name that no other file can have been given.
fn temporary(path: &Path) -> io::Result<(PathBuf, File)> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(FILE_MODE);
    for _ in 0..MAX_NAMES {
        let new = path.with_file_name(format!(".justcall-bridge-{:016x}", fastrand::u64(..)));
        match options.open(&new) {
            Ok(file) => return Ok((new, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Compares paths of files that may not exist yet.
pub(crate) fn is_same(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => std::path::absolute(one).ok() == std::path::absolute(other).ok(),
    }
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink())
}

fn link() -> io::Error {
    io::Error::other("is not a regular file, or is a link: name another file")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn new_files_are_private() {
        let folder = tempfile::tempdir().unwrap();
        let (opened, replaced) = (folder.path().join("opened"), folder.path().join("replaced"));
        append_lines(&opened).unwrap();
        replace(&replaced, b"a").unwrap();
        assert_eq!((mode(&opened), mode(&replaced)), (0o600, 0o600));
        fs::set_permissions(&replaced, Permissions::from_mode(0o644)).unwrap();
        replace(&replaced, b"b").unwrap();
        assert_eq!((mode(&replaced), fs::read(&replaced).unwrap()), (0o644, b"b".to_vec()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn lines_are_appended_and_an_unfinished_one_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        for expected in ["a\n", "a\na\n"] {
            append_lines(&path).unwrap().write_all(b"a\n").unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), expected);
        }
        fs::write(&path, "torn").unwrap();
        append_lines(&path).unwrap().write_all(b"a\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "torn\na\n");
    }

    #[test]
    fn links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("victim"), "v").unwrap();
        symlink(path("victim"), path("link")).unwrap();
        symlink(path("nothing"), path("dangling")).unwrap();
        for name in ["link", "dangling"] {
            assert!(append_lines(&path(name)).is_err() && replace(&path(name), b"x").is_err(), "{name}");
        }
        std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        fs::create_dir(path("folder")).unwrap();
        for name in ["socket", "folder"] {
            assert!(replace(&path(name), b"x").is_err(), "{name}");
        }
        symlink(path("victim"), path("file.new")).unwrap();
        replace(&path("file"), b"x").unwrap();
        assert!(path("file.new").is_symlink());
        fs::hard_link(path("victim"), path("hard")).unwrap();
        assert!(append_lines(&path("hard")).is_err());
        for name in ["link", "dangling", "hard"] {
            assert!(read(&path(name)).is_err(), "{name}");
        }
        fs::write(path("own"), "o").unwrap();
        assert_eq!(read(&path("own")).unwrap(), b"o");
        assert_eq!(fs::read(path("victim")).unwrap(), b"v");
        assert!(!path("nothing").exists());
    }

    #[test]
    fn file_that_every_user_can_write_to_is_neither_opened_nor_left_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for (given, is_own, replaced) in
            [(0o644, true, 0o644), (0o666, false, 0o664), (0o660, true, 0o660), (0o602, false, 0o600)]
        {
            fs::write(&path, "a").unwrap();
            fs::set_permissions(&path, Permissions::from_mode(given)).unwrap();
            assert_eq!((append_lines(&path).is_ok(), read(&path).is_ok()), (is_own, is_own), "{given:o}");
            replace(&path, b"b").unwrap();
            assert_eq!(mode(&path), replaced, "{given:o}");
        }
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        assert!(append_lines(&path).unwrap_err().to_string().contains("chmod o-w"));
    }

    #[test]
    fn file_of_another_user_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "a").unwrap();
        if std::os::unix::fs::chown(&path, Some(4321), None).is_err() {
            // Only root can give a file away.
            return;
        }
        for refused in [append_lines(&path).map(drop), read(&path).map(drop)] {
            let text = refused.unwrap_err().to_string();
            assert!(text.contains("another user (uid 4321)"), "{text}");
        }
        assert_eq!(fs::read(&path).unwrap(), b"a");
    }

    #[test]
    fn endless_file_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for (len, is_read) in [(MAX_LEN, true), (MAX_LEN + 1, false)] {
            append_lines(&path).unwrap().set_len(len).unwrap();
            assert_eq!(read(&path).is_ok(), is_read, "{len}");
        }
    }

    #[test]
    fn same_file_is_recognized_under_each_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a"), "").unwrap();
        fs::write(path("b"), "").unwrap();
        fs::hard_link(path("a"), path("hard")).unwrap();
        symlink(path("a"), path("link")).unwrap();
        for other in ["a", "./a", "hard", "link"] {
            assert!(is_same(&path("a"), &path(other)), "{other}");
        }
        assert!(!is_same(&path("a"), &path("b")) && !is_same(&path("a"), &path("new")));
        assert!(is_same(&path("new"), &path("./new")));
    }
}
