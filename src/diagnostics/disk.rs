//! Checks the spool's directory and its disk.

use super::finding::Finding;
use crate::{config, spool};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

#[cfg(test)]
mod tests;

const KEY: &str = "spool.directory";
const PERMISSIONS: &str = "spool.permissions";

/// Least free space, in bytes: room for one large event.
const MIN_FREE_BYTES: u64 = 16 << 20;

/// File systems lost when the machine stops or the container is replaced.
const EPHEMERAL_FILE_SYSTEMS: [&str; 4] = ["tmpfs", "ramfs", "overlay", "aufs"];

/// File systems whose locks and fsync depend on another machine.
const REMOTE_FILE_SYSTEMS: [&str; 12] =
    ["nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "gpfs", "virtiofs"];

#[derive(Debug, Clone, PartialEq, Eq)]
struct Facts {
    place: DirectoryState,
    /// Another process holds the spool's lock.
    is_in_use: Result<bool, io::ErrorKind>,
    /// Such as `ext4`; `None`: not reported by the system.
    file_system: Option<String>,
    /// Bytes that the bridge's user may still use.
    free: Option<u64>,
    /// Bytes that the spool uses already.
    taken: u64,
    /// Directory, or a file in it, that other users may read.
    open_to_all: Option<PathBuf>,
    is_writable_by_all: bool,
    /// Parent directory that every user may write to, without the sticky bit.
    open_above: Option<PathBuf>,
    /// Owner of the directory if neither root nor the user of this process.
    foreign_owner: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum DirectoryState {
    /// It would be created in the nearest existing parent, if `writable`.
    Missing { above: PathBuf, writable: Result<(), io::ErrorKind> },
    /// Another kind of file.
    NoDirectory,
    /// `writable`: result of a durable write.
    There { writable: Result<(), io::ErrorKind> },
}

/// Checks the spool's directory. `is_in_use` tries the lock. `needed` is the size in bytes that the spool may
/// reach.
pub(super) fn check(
    directory: Option<&Path>,
    needed: u64,
    is_in_use: impl Fn(&Path) -> io::Result<bool>,
) -> Vec<Finding> {
    match directory {
        None => vec![Finding::warning(
            KEY,
            "is not set: while Kafka does not acknowledge, events are refused, and lost when JustCall stops \
             retrying",
            "set it to a directory on a disk that outlives the process",
        )],
        Some(directory) => judge(directory, needed, &look(directory, is_in_use)),
    }
}

fn look(directory: &Path, is_in_use: impl Fn(&Path) -> io::Result<bool>) -> Facts {
    let absolute = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let place = match fs::metadata(&absolute) {
        Ok(found) if found.is_dir() => DirectoryState::There { writable: try_write(&absolute) },
        Ok(_) => DirectoryState::NoDirectory,
        Err(_) => match absolute.ancestors().skip(1).find(|place| place.exists()) {
            Some(above) if above.is_dir() => {
                DirectoryState::Missing { above: above.to_owned(), writable: may_make_in(above) }
            }
            _ => DirectoryState::NoDirectory,
        },
    };
    let nearest = match &place {
        DirectoryState::Missing { above, .. } => above,
        _ => &absolute,
    };
    let real = fs::canonicalize(nearest).unwrap_or_else(|_| nearest.clone());
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    Facts {
        is_in_use: is_in_use(&absolute).map_err(|error| error.kind()),
        file_system: file_system(&mounts, &real).map(str::to_owned),
        free: rustix::fs::statvfs(&real).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
        taken: files(&absolute)
            .iter()
            .filter_map(|file| fs::metadata(file).ok())
            .map(|file| file.len())
            .sum(),
        open_to_all: open_to_all(&absolute),
        is_writable_by_all: spool::is_writable_by_all(&absolute),
        open_above: open_above(&absolute, &real),
        foreign_owner: foreign_owner(&absolute),
        place,
    }
}

/// Writes a file as the spool would, then deletes it.
fn try_write(directory: &Path) -> Result<(), io::ErrorKind> {
    let path = directory.join(format!(".check-{}", std::process::id()));
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(&[0; 4096])?;
        file.sync_all()
    };
    let written = write();
    let removed = match fs::remove_file(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    };
    written.and(removed).map_err(|error| error.kind())
}

fn may_make_in(directory: &Path) -> Result<(), io::ErrorKind> {
    use rustix::fs::Access;
    rustix::fs::access(directory, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| error.kind())
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file()).collect()
}

fn open_to_all(directory: &Path) -> Option<PathBuf> {
    const READ_BY_OTHERS: u32 = 0o004;
    let mode = |path: &PathBuf| fs::metadata(path).map_or(0, |found| found.permissions().mode());
    let all = [directory.to_owned()].into_iter().chain(files(directory));
    all.filter(|path| path.exists()).find(|path| mode(path) & READ_BY_OTHERS != 0)
}

/// Returns a parent directory in which every user can rename the spool's directory, on the path as written or
/// with links resolved.
fn open_above(absolute: &Path, real: &Path) -> Option<PathBuf> {
    const WRITTEN_BY_OTHERS: u32 = 0o002;
    const STICKY: u32 = 0o1000;
    let is_open = |place: &&Path| {
        let found = fs::metadata(place).ok().filter(fs::Metadata::is_dir);
        found.is_some_and(|found| {
            found.permissions().mode() & (WRITTEN_BY_OTHERS | STICKY) == WRITTEN_BY_OTHERS
        })
    };
    let above = absolute.ancestors().skip(1);
    // If the directory is missing, `real` is its nearest parent.
    let real = real.ancestors().skip(usize::from(absolute.exists()));
    above.chain(real).find(is_open).map(Path::to_owned)
}

/// Returns the owner if that is another user. Root accepts every owner, because the bridge may run as any
/// user.
fn foreign_owner(directory: &Path) -> Option<u32> {
    if rustix::process::geteuid().is_root() {
        None
    } else {
        config::foreign_owner(&fs::metadata(directory).ok()?)
    }
}

fn file_system<'a>(mounts: &'a str, path: &Path) -> Option<&'a str> {
    let mounted = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let point = fields.next()?.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\");
        Some((PathBuf::from(point), fields.next()?))
    });
    // A later mount hides an earlier one at the same point.
    let above = mounted.filter(|(point, _)| path.starts_with(point));
    above.max_by_key(|(point, _)| point.components().count()).map(|(_, kind)| kind)
}

fn judge(directory: &Path, needed: u64, facts: &Facts) -> Vec<Finding> {
    let shown = directory.display();
    let about = |writable: &Result<(), io::ErrorKind>, place: &Path, good: String| match writable {
        Ok(()) => Finding::ok(KEY, good),
        Err(io::ErrorKind::ReadOnlyFilesystem) => Finding::failure(
            KEY,
            format!(
                "{} is on a file system that is mounted read-only: nothing can be spooled",
                place.display()
            ),
            "mount it for writing, or name another directory",
        ),
        Err(kind) => Finding::failure(
            KEY,
            format!("{} cannot be written to: {kind}", place.display()),
            "let the bridge's user own it (chown, or securityContext.fsGroup in Kubernetes), or name another directory",
        ),
    };
    let place = match &facts.place {
        DirectoryState::There { writable } => {
            about(writable, directory, format!("{shown} exists and is writable"))
        }
        DirectoryState::Missing { above, writable } => {
            about(writable, above, format!("{shown} does not exist yet: serve creates it"))
        }
        DirectoryState::NoDirectory => Finding::failure(
            KEY,
            format!("{shown} is not a directory, or its parent is not one"),
            "remove that file, or set another directory",
        ),
    };
    let mut findings = vec![place];
    findings.extend(in_use(facts));
    if facts.place != DirectoryState::NoDirectory {
        findings.extend(disk(facts));
        findings.extend(room(facts, needed));
    }
    if facts.is_writable_by_all {
        findings.push(Finding::failure(
            PERMISSIONS,
            format!("every user of this machine can replace the files in {shown}: serve does not start"),
            format!("chmod o-w {shown}, or name a directory inside it, which serve creates"),
        ));
        return findings;
    }
    findings.extend(facts.open_to_all.as_ref().map(|open| {
        Finding::warning(
            PERMISSIONS,
            format!(
                "every user of this machine can read {}: spooled records have personal data",
                open.display()
            ),
            format!("chmod -R o-rwx {shown}"),
        )
    }));
    // Warnings only: Kubernetes volumes may have such a mount point.
    findings.extend(facts.open_above.as_ref().map(|above| {
        let above = above.display();
        Finding::warning(
            PERMISSIONS,
            format!(
                "every user of this machine can rename {shown}: {above} is writable for all and has no \
                 sticky bit"
            ),
            format!("chmod o-w {above}, or chmod +t; in a pod: trust those who have access to the node"),
        )
    }));
    findings.extend(facts.foreign_owner.map(|owner| {
        Finding::warning(
            PERMISSIONS,
            format!("user {owner} owns {shown}, and can replace its files"),
            format!("chown {shown} to the bridge's user, or to root with the bridge's group"),
        )
    }));
    findings
}

fn in_use(facts: &Facts) -> Option<Finding> {
    const LOCK: &str = "spool.lock";
    match facts.is_in_use {
        Ok(true) => Some(Finding::ok(LOCK, "a running bridge uses this spool; a second one would not start")),
        Ok(false) => matches!(facts.place, DirectoryState::There { .. })
            .then(|| Finding::ok(LOCK, "no process uses this spool now")),
        Err(io::ErrorKind::NotADirectory) => None,
        Err(kind) => Some(Finding::failure(
            LOCK,
            format!("the spool's lock cannot be examined: {kind}"),
            "let the bridge's user own the files in the directory",
        )),
    }
}

fn disk(facts: &Facts) -> Option<Finding> {
    const DISK: &str = "spool.disk";
    let kind = facts.file_system.as_deref()?;
    let remote = REMOTE_FILE_SYSTEMS.contains(&kind) || kind.starts_with("fuse");
    Some(if EPHEMERAL_FILE_SYSTEMS.contains(&kind) {
        Finding::warning(
            DISK,
            format!("on {kind}: spooled records are lost when the machine or the container restarts"),
            "put it on a disk: a volume that outlives the process",
        )
    } else if remote {
        Finding::warning(
            DISK,
            format!("on {kind}, which may be on another machine: its locks and syncs may be unreliable"),
            "put it on a disk of this machine, or a block device attached to it",
        )
    } else {
        Finding::ok(DISK, format!("on {kind}"))
    })
}

fn room(facts: &Facts, needed: u64) -> Option<Finding> {
    const ROOM: &str = "spool.max_bytes";
    let free = facts.free?;
    let wanted = needed.saturating_sub(facts.taken);
    let text = format!("{} are free, and the spool may grow by {}", show(free), show(wanted));
    Some(if free >= wanted {
        Finding::ok(ROOM, text)
    } else if free < MIN_FREE_BYTES {
        Finding::failure(
            ROOM,
            format!("{text}: almost no event can be spooled"),
            "make room on that disk, or take a larger one",
        )
    } else {
        Finding::warning(
            ROOM,
            format!("{text}: the disk is full before the spool is"),
            "make room, take a larger disk, or lower `spool.max_bytes`",
        )
    })
}

/// Uses whole units below 10 000.
fn show(bytes: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let unit = (0..units.len() - 1).find(|unit| bytes >> (10 * unit) < 10_000).unwrap_or(units.len() - 1);
    format!("{} {}", bytes >> (10 * unit), units[unit])
}
