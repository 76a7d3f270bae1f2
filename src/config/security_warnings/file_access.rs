//! Rights of other users to a file, by its permissions and those of the folders on its path.

use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::process::geteuid;
use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf, absolute};

const WORLD_READABLE: u32 = 0o004;

/// Group and every user.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Every user can add, rename and remove the folder's entries.
const WRITABLE_BY_ALL: u32 = 0o002;

/// Restricts that right to a user's own entries.
const STICKY: u32 = 0o1000;

/// As Linux follows.
const MAX_LINKS: usize = 40;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccessExtent {
    /// Owners and folders of another machine, such as CI's, prove nothing.
    Permissions,
    /// Also owners of the files and of the folders on their paths.
    Owners,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Writable {
    pub(super) reason: String,
    pub(super) fix: String,
    /// The fix also ends the right of every user to read the file.
    pub(super) ends_reading: bool,
}

pub(super) fn is_world_readable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.mode() & WORLD_READABLE != 0)
}

/// Returns the first right of a user other than root and this process's own. Ignores folders that only their
/// group can write to: these are often intended.
pub(super) fn writable(path: &Path, extent: AccessExtent) -> Option<Writable> {
    // A device such as /dev/null has no content that another user could change.
    let found = fs::metadata(path).ok().filter(|found| !found.file_type().is_char_device())?;
    if found.mode() & WRITABLE_BY_OTHERS != 0 {
        let reason = "its group or every user can write to it".into();
        return Some(Writable { reason, fix: "chmod go-w,o-r".into(), ends_reading: true });
    }
    if extent == AccessExtent::Permissions {
        return None;
    }
    let way = WayTo::new(path);
    of_another(path, &found)
        .or_else(|| way.links.iter().find_map(|link| of_another(link, &fs::symlink_metadata(link).ok()?)))
        .or_else(|| way.folders.iter().find_map(|folder| writable_folder(folder)))
}

fn writable_folder(folder: &Path) -> Option<Writable> {
    let found = fs::metadata(folder).ok()?;
    let is_writable = found.mode() & WRITABLE_BY_ALL != 0 && found.mode() & STICKY == 0;
    // Kubernetes mounts a ConfigMap read-only, in a folder of mode 0777.
    let is_read_only = || statvfs(folder).is_ok_and(|mount| mount.f_flag.contains(StatVfsMountFlags::RDONLY));
    if is_writable && !is_read_only() {
        let shown = folder.display();
        let reason = format!("every user can replace the entries of the folder {shown}");
        return Some(Writable { reason, fix: format!("chmod o-w {shown}"), ends_reading: false });
    }
    of_another(folder, &found)
}

fn of_another(path: &Path, found: &Metadata) -> Option<Writable> {
    let (owner, shown) = (foreign_owner(found)?, path.display());
    let command = if found.is_symlink() { "chown -h" } else { "chown" };
    Some(Writable {
        reason: format!("the user with uid {owner} owns {shown}"),
        fix: format!("{command} {shown} to root or to the bridge's user, or run check as that user"),
        ends_reading: false,
    })
}

/// Returns the owner if it is neither root nor this process's user.
///
/// `None` also for a user whom the process's user namespace does not know. In a rootless container, these are
/// the host's users, such as its root.
pub(crate) fn foreign_owner(found: &Metadata) -> Option<u32> {
    let owner = found.uid();
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let is_unmapped =
        || is_unmapped(owner, &read("/proc/sys/kernel/overflowuid"), &read("/proc/self/uid_map"));
    (![0, geteuid().as_raw()].contains(&owner) && !is_unmapped()).then_some(owner)
}

/// Returns true if `owner` stands for unknown users (user_namespaces(7)). The initial namespace knows every user.
fn is_unmapped(owner: u32, overflow_uid: &str, uid_map: &str) -> bool {
    const INITIAL_MAP: [&str; 3] = ["0", "0", "4294967295"];
    let is_initial = uid_map.is_empty() || uid_map.split_whitespace().eq(INITIAL_MAP);
    overflow_uid.trim().parse() == Ok(owner) && !is_initial
}

#[derive(Default)]
struct WayTo {
    folders: BTreeSet<PathBuf>,
    links: BTreeSet<PathBuf>,
}

impl WayTo {
    /// Follows every link, the outermost first, as the system does.
    fn new(path: &Path) -> Self {
        let mut way = Self::default();
        let mut path = absolute(path).unwrap_or_default();
        for _ in 0..=MAX_LINKS {
            let prefixes: Vec<_> = path.ancestors().collect();
            let link = prefixes.iter().rev().find_map(|prefix| Some((*prefix, fs::read_link(prefix).ok()?)));
            let end = link.as_ref().map_or(&*path, |(link, _)| link);
            let folder = end.parent().unwrap_or(end);
            // No folder above `end` is a link. Their canonical paths have no `..`.
            way.folders.extend(folder.ancestors().filter_map(|folder| fs::canonicalize(folder).ok()));
            let Some((link, target)) = link else { break };
            way.links.insert(link.to_owned());
            let rest = path.strip_prefix(link).unwrap_or(Path::new(""));
            // Without a slash at the end, behind which a link would not be found.
            path = folder.join(target).join(rest).components().collect();
        }
        way
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn file() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("inner")).unwrap();
        let file = folder.path().join("inner/token");
        fs::write(&file, "t").unwrap();
        set_mode(&file, 0o640);
        (folder, file)
    }

    #[test]
    fn user_outside_of_the_namespace_is_not_foreign() {
        let rootless = "         0       1000          1\n         1     100000      65536\n";
        for (owner, map, expected) in [
            (65534, "         0       1000          1\n", true),
            (65534, rootless, true),
            (1000, "         0       1000          1\n", false),
            (65534, "         0          0 4294967295\n", false),
            (65534, "", false),
        ] {
            assert_eq!(is_unmapped(owner, "65534\n", map), expected, "{owner} {map}");
        }
    }

    #[test]
    fn folder_in_which_every_user_can_replace_the_file_is_found() {
        let (folder, file) = file();
        assert_eq!(writable(&file, AccessExtent::Owners), None);
        for on_path in [folder.path(), file.parent().unwrap()] {
            for (mode, is_writable) in [(0o777, true), (0o1777, false), (0o770, false), (0o703, true)] {
                set_mode(on_path, mode);
                assert_eq!(
                    writable(&file, AccessExtent::Owners).is_some(),
                    is_writable,
                    "{mode:o} {}",
                    on_path.display()
                );
            }
            set_mode(on_path, 0o700);
        }
    }

    #[test]
    fn device_has_no_content_to_protect() {
        assert_eq!(writable(Path::new("/dev/null"), AccessExtent::Owners), None);
    }

    #[test]
    fn only_permissions_are_examined_on_another_machine() {
        let (folder, file) = file();
        set_mode(folder.path(), 0o777);
        assert_eq!(writable(&file, AccessExtent::Permissions), None);
        set_mode(&file, 0o660);
        assert!(writable(&file, AccessExtent::Permissions).is_some());
    }

    #[test]
    fn both_ends_of_a_link_are_examined() {
        let (folder, file) = file();
        let (_other, link) = self::file();
        fs::remove_file(&link).unwrap();
        symlink(&file, &link).unwrap();
        assert_eq!(writable(&link, AccessExtent::Owners), None);
        set_mode(folder.path(), 0o777);
        let found = writable(&link, AccessExtent::Owners).unwrap();
        assert_eq!(found.fix, format!("chmod o-w {}", fs::canonicalize(folder.path()).unwrap().display()));
        set_mode(folder.path(), 0o700);
        set_mode(link.parent().unwrap(), 0o777);
        assert!(writable(&link, AccessExtent::Owners).is_some());
    }

    #[test]
    fn every_link_of_a_chain_is_examined() {
        let (_first, last) = file();
        let (middle, link) = file();
        let (_third, start) = file();
        for (from, to) in [(&link, &last), (&start, &link)] {
            fs::remove_file(from).unwrap();
            symlink(to, from).unwrap();
        }
        let shortcut = start.with_file_name("shortcut");
        symlink(link.parent().unwrap(), &shortcut).unwrap();
        let through_folder = shortcut.join("token");
        for path in [&start, &through_folder] {
            assert_eq!(writable(path, AccessExtent::Owners), None);
            set_mode(middle.path(), 0o777);
            let found = writable(path, AccessExtent::Owners).expect("a folder of the middle link");
            assert_eq!(
                found.fix,
                format!("chmod o-w {}", fs::canonicalize(middle.path()).unwrap().display())
            );
            set_mode(middle.path(), 0o700);
        }
        let chown_link = |uid| std::os::unix::fs::lchown(&link, Some(uid), None);
        // Only root can give a file away.
        if chown_link(4321).is_ok() {
            let found = writable(&start, AccessExtent::Owners).expect("a link of another user");
            assert!(found.reason.contains(&format!("uid 4321 owns {}", link.display())), "{}", found.reason);
        }
    }

    #[test]
    fn file_and_folder_of_another_user_are_found() {
        let (_folder, file) = file();
        for owned in [file.as_path(), file.parent().unwrap()] {
            if chown(owned, Some(4321), None).is_err() {
                // Only root can give a file away.
                return;
            }
            let found = writable(&file, AccessExtent::Owners).unwrap();
            assert!(found.reason.contains(&format!("uid 4321 owns {}", owned.display())), "{}", found.reason);
            chown(owned, Some(0), None).unwrap();
        }
    }
}
