//! A disk that is really full, or really read-only: a small file system of the test's own.

use super::*;
use std::io::Write;
use std::process::Command;

/// A file system in memory, gone with the value.
struct Disk(TempDir);

impl Disk {
    fn mount() -> Option<Self> {
        let place = TempDir::new().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=12m", "tmpfs"]).arg(place.path());
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        if !mounted {
            // Not captured, as `eprintln!` is.
            let _ = std::io::stderr().write_all(
                b"SKIPPED: no file system may be mounted here; tests::disk has the injected faults\n",
            );
        }
        mounted.then_some(Self(place))
    }

    fn remount(&self, how: &str) -> bool {
        let how = format!("remount,{how}");
        let done = Command::new("mount").args(["-o", &how]).arg(self.0.path()).output();
        done.is_ok_and(|output| output.status.success())
    }

    fn fill(&self) {
        let mut file = std::fs::File::options().append(true).create(true).open(self.filler()).unwrap();
        for size in [64 * 1024, 4096, 1] {
            while file.write_all(&vec![7; size]).is_ok() {}
        }
    }

    fn filler(&self) -> std::path::PathBuf {
        self.0.path().join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.0.path()).output());
    }
}

fn is_refused(spool: &Spool) {
    let begun = std::time::Instant::now();
    while append(spool, vec![entry("other", &[7; 200_000])], None).is_ok() {
        assert!(begun.elapsed().as_secs() < 120, "never refused");
    }
}

#[test]
fn a_really_full_disk_is_emptied_with_the_reserve() {
    let Some(disk) = Disk::mount() else { return };
    let directory = disk.0.path().join("spool");
    let spool = open(&directory);
    // So many that deleting them takes more than one transaction.
    let many = || (0..450).map(|n| entry("calls", &[n as u8; 900])).collect();
    let ids: Vec<RowId> = (0..10).flat_map(|_| append(&spool, many(), None).unwrap()).collect();
    disk.fill();
    is_refused(&spool);
    disk.fill();
    let mut found = Vec::new();
    eventually("read", || {
        found =
            spool.read("calls", RowId(0), usize::MAX, usize::MAX).map(|page| page.rows).unwrap_or_default();
        !found.is_empty()
    });
    assert_eq!(found.len(), 4500);
    disk.fill();
    let reserve = directory.join("reserve");
    spool.delete(ids);
    eventually("emptied", || spool.read("calls", RowId(0), 1, 1).is_ok_and(|page| page.rows.is_empty()));
    std::fs::remove_file(disk.filler()).unwrap();
    eventually("taking", || spool.usage().taking);
    assert!(std::fs::metadata(&reserve).is_ok_and(|reserve| reserve.len() == 4 * MIB));
    append(&spool, vec![entry("calls", b"again")], None).unwrap();
    assert_eq!(rows(&spool, "calls").len(), 1);
}

#[test]
fn a_disk_that_turns_read_only_is_read_and_taken_up_again() {
    let Some(disk) = Disk::mount() else { return };
    let spool = open(&disk.0.path().join("spool"));
    let ids = append(&spool, vec![entry("calls", b"one"), entry("calls", b"two")], None).unwrap();
    // The kernel keeps a file system writable that is written to; on a full one the spool lets go of it.
    disk.fill();
    is_refused(&spool);
    eventually("read-only", || disk.remount("ro"));
    std::fs::File::create(disk.filler()).unwrap_err();
    spool.delete(vec![ids[0]]);
    for _ in 0..5 {
        assert_eq!(append(&spool, vec![entry("calls", b"three")], None), Err(Refused::Disk));
        assert_eq!(rows(&spool, "calls").len(), 2);
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(disk.remount("rw"));
    std::fs::remove_file(disk.filler()).unwrap();
    eventually("taking", || spool.usage().taking);
    append(&spool, vec![entry("calls", b"four")], None).unwrap();
    let left: Vec<_> = rows(&spool, "calls").into_iter().map(|row| row.payload).collect();
    assert_eq!(left, [&b"two"[..], b"four"]);
}
