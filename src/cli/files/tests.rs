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
