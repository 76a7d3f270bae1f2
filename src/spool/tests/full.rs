//! A disk that is really full, or really read-only: a small file system of the test's own.

use super::*;
use std::io::Write;
use std::process::Command;
use std::sync::atomic::AtomicBool;

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

    /// Fills it, and from then on takes every block at once that is given back.
    fn hog(&self) -> Hog {
        self.fill();
        let mut file = std::fs::File::options().append(true).open(self.filler()).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                drop(file.write(&[7; 4096]));
            }
        });
        Hog { stop, thread: Some(thread) }
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

/// Another process that wants all of the disk, as long as the value lives.
struct Hog {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Hog {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.take().map(std::thread::JoinHandle::join);
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
    let ids = fill_calls(&spool);
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

/// So many that deleting them takes more than one transaction.
fn fill_calls(spool: &Spool) -> Vec<RowId> {
    let many = || (0..450).map(|n| entry("calls", &[n as u8; 900])).collect();
    (0..10).flat_map(|_| append(spool, many(), None).unwrap()).collect()
}

/// Reads all, deletes all, and takes records again once the hog is gone and its file with it.
fn is_emptied_beside(hog: Hog, disk: &Disk, spool: &Spool, ids: Vec<RowId>) {
    let calls = || spool.read("calls", RowId(0), usize::MAX, usize::MAX).map(|page| page.rows.len());
    eventually("read", || calls().is_ok_and(|found| found == ids.len()));
    let (some, rest) = ids.split_at(ids.len() / 3);
    for (part, left) in [(some, rest.len()), (rest, 0)] {
        spool.delete(part.to_vec());
        eventually("deleted", || calls().is_ok_and(|found| found == left));
    }
    assert!(!spool.usage().taking);
    drop(hog);
    std::fs::remove_file(disk.filler()).unwrap();
    eventually("taking", || spool.usage().taking);
    append(spool, vec![entry("calls", b"again")], None).unwrap();
    assert_eq!(rows(spool, "calls").len(), 1);
    let reserve = std::fs::metadata(disk.0.path().join("spool/reserve")).unwrap();
    assert_eq!(reserve.len(), 4 * MIB);
}

#[test]
fn a_disk_whose_every_free_block_goes_to_another_is_emptied() {
    let Some(disk) = Disk::mount() else { return };
    let directory = disk.0.path().join("spool");
    let spool = open(&directory);
    let ids = fill_calls(&spool);
    // What lets the file grow is written back only where it finds room.
    eventually("tidied", || std::fs::metadata(directory.join("spool.db-wal")).unwrap().len() == 0);
    let hog = disk.hog();
    is_refused(&spool);
    is_emptied_beside(hog, &disk, &spool, ids);
}

#[test]
fn a_spool_is_opened_and_emptied_where_every_free_block_goes_to_another() {
    let Some(disk) = Disk::mount() else { return };
    let directory = disk.0.path().join("spool");
    let spool = open(&directory);
    let ids = fill_calls(&spool);
    spool.close();
    let hog = disk.hog();
    let spool = open(&directory);
    let backlog: u64 = spool.backlog().iter().map(|(_, rows)| rows).sum();
    assert_eq!(backlog, 4500);
    is_emptied_beside(hog, &disk, &spool, ids);
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
