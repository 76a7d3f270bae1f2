//! Files that commands write: readable by their owner only, and never opened through a link.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Mode of new files, which can contain personal data.
const FILE_MODE: u32 = 0o600;

/// Opens a file for writing without truncating it. Creates it if it is missing.
///
/// # Errors
///
/// Also fails for a link, a hard link or anything but a regular file, because another user may have placed
/// it.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    open_regular(path, OpenOptions::new().create(true).write(true).truncate(false).mode(FILE_MODE))
}

/// Reads a file that a command wrote.
///
/// # Errors
///
/// Also fails for a link, a hard link or anything but a regular file, because another user may have placed
/// it.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    open_regular(path, OpenOptions::new().read(true))?.read_to_end(&mut content)?;
    Ok(content)
}

fn open_regular(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    let file =
        options.custom_flags(flags).open(path).map_err(|error| if is_link(path) { link() } else { error })?;
    let found = file.metadata()?;
    if !found.is_file() || found.nlink() > 1 {
        return Err(link());
    }
    Ok(file)
}

/// Replaces a file atomically. An existing file keeps its mode.
///
/// # Errors
///
/// Also fails for anything but a regular file, such as a link or a device.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(link());
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    // A killed run may have left the file. A link from another user is removed, not followed.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&new)?;
    let written = (|| {
        file.write_all(content)?;
        if let Ok(before) = fs::symlink_metadata(path) {
            file.set_permissions(before.permissions())?;
        }
        file.sync_data()?;
        fs::rename(&new, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

/// Returns true if two paths lead to the same file, even if it does not exist yet.
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
    io::Error::other("is a link or no regular file: name another file")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn new_files_are_private() {
        let folder = tempfile::tempdir().unwrap();
        let (opened, replaced) = (folder.path().join("opened"), folder.path().join("replaced"));
        open(&opened).unwrap();
        replace(&replaced, b"a").unwrap();
        assert_eq!((mode(&opened), mode(&replaced)), (0o600, 0o600));
        fs::set_permissions(&replaced, fs::Permissions::from_mode(0o644)).unwrap();
        replace(&replaced, b"b").unwrap();
        assert_eq!((mode(&replaced), fs::read(&replaced).unwrap()), (0o644, b"b".to_vec()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("victim"), "v").unwrap();
        symlink(path("victim"), path("link")).unwrap();
        symlink(path("nothing"), path("dangling")).unwrap();
        for name in ["link", "dangling"] {
            assert!(open(&path(name)).is_err() && replace(&path(name), b"x").is_err(), "{name}");
        }
        std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        fs::create_dir(path("folder")).unwrap();
        for name in ["socket", "folder"] {
            assert!(replace(&path(name), b"x").is_err(), "{name}");
        }
        // The name of the temporary file is predictable, so another user can place a link there.
        symlink(path("victim"), path("file.new")).unwrap();
        replace(&path("file"), b"x").unwrap();
        fs::hard_link(path("victim"), path("hard")).unwrap();
        assert!(open(&path("hard")).is_err());
        for name in ["link", "dangling", "hard"] {
            assert!(read(&path(name)).is_err(), "{name}");
        }
        fs::write(path("own"), "o").unwrap();
        assert_eq!(read(&path("own")).unwrap(), b"o");
        assert_eq!(fs::read(path("victim")).unwrap(), b"v");
        assert!(!path("nothing").exists());
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
