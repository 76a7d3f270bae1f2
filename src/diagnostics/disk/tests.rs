use super::super::finding::Level;
use super::*;

const MIB: u64 = 1 << 20;

fn healthy() -> Facts {
    Facts {
        place: DirectoryState::There { writable: Ok(()) },
        is_in_use: Ok(false),
        file_system: Some("ext4".into()),
        free: Some(1000 * MIB),
        taken: 0,
        open_to_all: None,
        is_writable_by_all: false,
        open_above: None,
        foreign_owner: None,
    }
}

fn bad(facts: &Facts) -> Vec<(Level, String)> {
    let findings = judge(Path::new("/spool"), 1000 * MIB, facts).into_iter();
    findings
        .filter(|finding| finding.level != Level::Ok)
        .map(|finding| (finding.level, finding.key))
        .collect()
}

#[test]
fn healthy_directory_has_only_ok_lines() {
    let findings = judge(Path::new("/spool"), 1000 * MIB, &healthy());
    let keys: Vec<_> = findings.iter().map(|finding| finding.key.as_str()).collect();
    assert_eq!(keys, ["spool.directory", "spool.lock", "spool.disk", "spool.max_bytes"]);
    assert_eq!(bad(&healthy()), []);
    assert_eq!(
        bad(&Facts { is_in_use: Ok(true), ..healthy() }),
        [],
        "a running bridge is none of its faults"
    );
    let above = PathBuf::from("/");
    assert_eq!(bad(&Facts { place: DirectoryState::Missing { above, writable: Ok(()) }, ..healthy() }), []);
}

#[test]
fn unwritable_directory_is_a_failure() {
    use io::ErrorKind as Kind;
    let above = || PathBuf::from("/");
    for place in [
        DirectoryState::NoDirectory,
        DirectoryState::There { writable: Err(Kind::ReadOnlyFilesystem) },
        DirectoryState::There { writable: Err(Kind::PermissionDenied) },
        DirectoryState::There { writable: Err(Kind::StorageFull) },
        DirectoryState::Missing { above: above(), writable: Err(Kind::PermissionDenied) },
    ] {
        let facts = Facts { place, ..healthy() };
        assert_eq!(bad(&facts), [(Level::Failure, "spool.directory".to_owned())], "{facts:?}");
    }
}

#[test]
fn ephemeral_and_remote_file_systems_are_warnings() {
    for (kind, expected) in [
        ("tmpfs", true),
        ("overlay", true),
        ("nfs4", true),
        ("fuse.sshfs", true),
        ("xfs", false),
        ("btrfs", false),
        ("apfs", false),
    ] {
        let found = bad(&Facts { file_system: Some(kind.into()), ..healthy() });
        assert_eq!(found == [(Level::Warning, "spool.disk".to_owned())], expected, "{kind}: {found:?}");
    }
}

#[test]
fn free_space_is_compared_with_the_remaining_spool_size() {
    let room = |free, taken| bad(&Facts { free: Some(free), taken, ..healthy() });
    assert_eq!(room(1000 * MIB - 1, 0), [(Level::Warning, "spool.max_bytes".to_owned())]);
    assert_eq!(room(400 * MIB, 600 * MIB), [], "what it has taken it need not take again");
    assert_eq!(room(MIN_FREE_BYTES - 1, 0), [(Level::Failure, "spool.max_bytes".to_owned())]);
    assert_eq!(room(0, 1000 * MIB), [], "a full spool is not the disk's fault");
}

#[test]
fn readable_spool_is_a_warning_and_unreadable_lock_a_failure() {
    let open = Facts { open_to_all: Some("/spool/spool.db".into()), ..healthy() };
    assert_eq!(bad(&open), [(Level::Warning, "spool.permissions".to_owned())]);
    let locked = Facts { is_in_use: Err(io::ErrorKind::PermissionDenied), ..healthy() };
    assert_eq!(bad(&locked), [(Level::Failure, "spool.lock".to_owned())]);
}

#[test]
fn writable_parent_and_foreign_owner_are_warnings() {
    let expected = [(Level::Warning, "spool.permissions".to_owned())];
    assert_eq!(bad(&Facts { open_above: Some("/data".into()), ..healthy() }), expected);
    assert_eq!(bad(&Facts { foreign_owner: Some(1000), ..healthy() }), expected);
}

#[test]
fn parent_with_the_sticky_bit_is_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let (above, directory) = (folder.path().join("above"), folder.path().join("above/own/spool"));
    fs::create_dir_all(&directory).unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&directory, &link).unwrap();
    let mode = |mode| fs::set_permissions(&above, fs::Permissions::from_mode(mode)).unwrap();
    for (bits, expected) in [(0o777, true), (0o702, true), (0o1777, false), (0o770, false), (0o755, false)] {
        mode(bits);
        for place in [&directory, &link, &directory.join("missing")] {
            let found = look(place, |_| Ok(false)).open_above;
            assert_eq!(found.is_some(), expected, "{bits:o} {}", place.display());
        }
    }
    // The directory itself has its own check.
    mode(0o755);
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(look(&directory, |_| Ok(false)).open_above, None);
    assert_eq!(look(&directory, |_| Ok(false)).foreign_owner, None);
}

#[test]
fn file_system_is_that_of_the_nearest_and_latest_mount() {
    let mounts = "/dev/vda / ext4 rw 0 0\ntmpfs /run tmpfs rw 0 0\nnas:/x /run/spool\\040one nfs4 rw 0 0\n\
                  /dev/vdb /data ext4 rw 0 0\noverlay /data overlay rw 0 0\n";
    for (path, kind) in [
        ("/var/spool", "ext4"),
        ("/run/spool", "tmpfs"),
        ("/runner", "ext4"),
        ("/run/spool one/x", "nfs4"),
        ("/data/x", "overlay"),
    ] {
        assert_eq!(file_system(mounts, Path::new(path)), Some(kind), "{path}");
    }
    assert_eq!(file_system("", Path::new("/")), None);
}

#[test]
fn checking_a_directory_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let facts = look(folder.path(), |_| Ok(false));
    assert_eq!(facts.place, DirectoryState::There { writable: Ok(()) });
    assert!(facts.free.is_some_and(|free| free > 0));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let missing = look(&folder.path().join("a/b"), |_| Ok(false));
    assert_eq!(missing.place, DirectoryState::Missing { above: folder.path().into(), writable: Ok(()) });
    fs::write(folder.path().join("file"), "12345").unwrap();
    assert_eq!(look(&folder.path().join("file"), |_| Ok(false)).place, DirectoryState::NoDirectory);
    assert_eq!(look(&folder.path().join("file/x"), |_| Ok(false)).place, DirectoryState::NoDirectory);
    assert_eq!(look(folder.path(), |_| Ok(false)).taken, 5);
}
