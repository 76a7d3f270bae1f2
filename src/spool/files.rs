//! Files of the spool's directory: names, modes and the lock.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

const DATABASE: &str = "spool.db";

/// Long enough for a check of the lock, and for a child that was forked before the holder ended.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
pub(super) struct SpoolFiles {
    pub(super) directory: PathBuf,
}

impl SpoolFiles {
    pub(super) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_path_buf() }
    }

    pub(super) fn database(&self) -> PathBuf {
        self.directory.join(DATABASE)
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.directory.join("lock")
    }

    pub(super) fn reserve(&self) -> PathBuf {
        self.directory.join("reserve")
    }

    /// Incomplete salvage, worthless after a crash.
    pub(super) fn salvage(&self) -> PathBuf {
        self.directory.join("spool.db.salvage")
    }

    /// Complete salvage that is to replace the database.
    pub(super) fn salvaged(&self) -> PathBuf {
        self.directory.join("spool.db.salvaged")
    }

    pub(super) fn damaged(&self) -> PathBuf {
        let name = |n: u32| self.directory.join(format!("{DATABASE}.damaged-{n}"));
        (1..u32::MAX).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(u32::MAX))
    }

    pub(super) fn log(&self) -> PathBuf {
        beside(&self.database(), "-wal")
    }

    pub(super) fn wal_bytes(&self) -> u64 {
        std::fs::metadata(self.log()).map_or(0, |found| found.len())
    }

    /// Creates the directory and syncs its parents. Fails if every user may write to it.
    pub(super) fn create(&self) -> io::Result<()> {
        let directory = std::path::absolute(&self.directory)?;
        if is_writable_by_all(&directory) {
            return Err(io::Error::other(
                "every user of this machine can replace its files: run `chmod o-w` on it, or name a directory inside it, which the bridge creates for itself",
            ));
        }
        let missing: Vec<_> = directory.ancestors().take_while(|place| !place.exists()).collect();
        DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
        missing.iter().filter_map(|made| made.parent()).try_for_each(sync_directory)
    }

    /// The system releases the lock with the file's handle.
    pub(super) fn take_lock(&self) -> Result<File, TryLockError> {
        self.take_lock_within(LOCK_TIMEOUT)
    }

    pub(super) fn take_lock_within(&self, timeout: Duration) -> Result<File, TryLockError> {
        // Opened for reading only, because a file system with a file open for writing cannot be remounted
        // read-only.
        drop(private(&self.lock()).map_err(TryLockError::Error)?);
        let file = File::open(self.lock()).map_err(TryLockError::Error)?;
        let deadline = Instant::now() + timeout;
        loop {
            match file.try_lock() {
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    thread::sleep(LOCK_TIMEOUT / 50)
                }
                locked => return locked.map(|()| file),
            }
        }
    }

    pub(super) fn is_locked(&self) -> io::Result<bool> {
        let file = match File::open(self.lock()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            opened => opened?,
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// Returns whether every user may write to the directory. The group may, because Kubernetes gives volumes to
/// the pod's group.
pub(crate) fn is_writable_by_all(directory: &Path) -> bool {
    const WRITTEN_BY_ALL: u32 = 0o002;
    std::fs::metadata(directory).is_ok_and(|found| found.permissions().mode() & WRITTEN_BY_ALL != 0)
}

/// Opens or creates a file that only its owner may read. SQLite gives the log and its index the same mode.
pub(super) fn private(path: &Path) -> io::Result<File> {
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Accepts a missing file.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
