//! Disk that is really full or read-only: a small file system of the test.

use super::*;
use std::io::Write;
use std::process::Command;
use std::sync::atomic::AtomicBool;

/// File system in memory, removed when the value is dropped.
struct Disk(TempDir);

impl Disk {
    fn mount() -> Option<Self> {
        let place = TempDir::new().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=12m", "tmpfs"]).arg(place.path());
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        if !mounted {
            // Not captured by the test harness, unlike `eprintln!`.
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

    /// Fills the file system, and takes every block that is freed later.
    fn disk_filler(&self) -> DiskFiller {
        self.fill();
        let mut file = std::fs::File::options().append(true).open(self.filler()).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                drop(file.write(&[7; 4096]));
            }
        });
        DiskFiller { stop, thread: Some(thread) }
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

/// Process that takes all disk space while the value lives.
struct DiskFiller {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for DiskFiller {
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
fn spool_on_a_full_disk_is_drained_with_the_reserve() {
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
    eventually("is_accepting", || spool.usage().is_accepting);
    assert!(std::fs::metadata(&reserve).is_ok_and(|reserve| reserve.len() == 4 * MIB));
    append(&spool, vec![entry("calls", b"again")], None).unwrap();
    assert_eq!(rows(&spool, "calls").len(), 1);
}

/// Appends enough rows that their deletion takes several transactions.
fn fill_calls(spool: &Spool) -> Vec<RowId> {
    let many = || (0..450).map(|n| entry("calls", &[n as u8; 900])).collect();
    (0..10).flat_map(|_| append(spool, many(), None).unwrap()).collect()
}

/// Reads all rows, deletes them, and checks that records are accepted after the disk has space again.
fn is_emptied_beside(disk_filler: DiskFiller, disk: &Disk, spool: &Spool, ids: Vec<RowId>) {
    let calls = || spool.read("calls", RowId(0), usize::MAX, usize::MAX).map(|page| page.rows.len());
    eventually("read", || calls().is_ok_and(|found| found == ids.len()));
    let (some, rest) = ids.split_at(ids.len() / 3);
    for (part, left) in [(some, rest.len()), (rest, 0)] {
        spool.delete(part.to_vec());
        eventually("deleted", || calls().is_ok_and(|found| found == left));
    }
    assert!(!spool.usage().is_accepting);
    drop(disk_filler);
    std::fs::remove_file(disk.filler()).unwrap();
    eventually("is_accepting", || spool.usage().is_accepting);
    append(spool, vec![entry("calls", b"again")], None).unwrap();
    assert_eq!(rows(spool, "calls").len(), 1);
    let reserve = std::fs::metadata(disk.0.path().join("spool/reserve")).unwrap();
    assert_eq!(reserve.len(), 4 * MIB);
}

#[test]
fn spool_is_drained_while_another_process_takes_every_free_block() {
    let Some(disk) = Disk::mount() else { return };
    let directory = disk.0.path().join("spool");
    let spool = open(&directory);
    let ids = fill_calls(&spool);
    // If the file must grow, it is written back only when there is space.
    eventually("tidied", || std::fs::metadata(directory.join("spool.db-wal")).unwrap().len() == 0);
    let disk_filler = disk.disk_filler();
    is_refused(&spool);
    is_emptied_beside(disk_filler, &disk, &spool, ids);
}

#[test]
fn spool_is_opened_and_drained_while_another_process_takes_every_free_block() {
    let Some(disk) = Disk::mount() else { return };
    let directory = disk.0.path().join("spool");
    let spool = open(&directory);
    let ids = fill_calls(&spool);
    spool.close();
    let disk_filler = disk.disk_filler();
    let spool = open(&directory);
    let backlog: u64 = spool.backlog().iter().map(|(_, rows)| rows).sum();
    assert_eq!(backlog, 4500);
    is_emptied_beside(disk_filler, &disk, &spool, ids);
}

#[test]
fn disk_that_turns_read_only_is_read_and_used_again() {
    let Some(disk) = Disk::mount() else { return };
    let spool = open(&disk.0.path().join("spool"));
    let ids = append(&spool, vec![entry("calls", b"one"), entry("calls", b"two")], None).unwrap();
    // The kernel does not remount a file system with files open for writing. On a full disk the spool closes
    // its file.
    disk.fill();
    is_refused(&spool);
    eventually("read-only", || disk.remount("ro"));
    std::fs::File::create(disk.filler()).unwrap_err();
    spool.delete(vec![ids[0]]);
    for _ in 0..5 {
        assert_eq!(append(&spool, vec![entry("calls", b"three")], None), Err(AppendError::Disk));
        assert_eq!(rows(&spool, "calls").len(), 2);
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(disk.remount("rw"));
    std::fs::remove_file(disk.filler()).unwrap();
    eventually("is_accepting", || spool.usage().is_accepting);
    append(&spool, vec![entry("calls", b"four")], None).unwrap();
    let left: Vec<_> = rows(&spool, "calls").into_iter().map(|row| row.payload).collect();
    assert_eq!(left, [&b"two"[..], b"four"]);
}

fn remove_database(directory: &Path) {
    for name in ["spool.db", "spool.db-wal", "spool.db-shm"] {
        drop(std::fs::remove_file(directory.join(name)));
    }
}

/// The new files cannot be created.
#[test]
fn rows_of_files_removed_on_a_full_disk_are_saved_or_counted_at_the_stop() {
    // The spool tries its file again after 100 ms.
    for milliseconds in [0, 80, 95, 100, 105, 110, 120, 140] {
        let Some(disk) = Disk::mount() else { return };
        let directory = disk.0.path().join("spool");
        let spool = open(&directory);
        fill_calls(&spool);
        eventually("tidied", || std::fs::metadata(directory.join("spool.db-wal")).unwrap().len() == 0);
        let disk_filler = disk.disk_filler();
        is_refused(&spool);
        let rows = spool.usage().rows;
        assert!(rows >= 4500);
        std::thread::sleep(Duration::from_millis(milliseconds));
        remove_database(&directory);
        let lost = spool.close();
        drop(spool);
        drop(disk_filler);
        std::fs::remove_file(disk.filler()).unwrap();
        let saved: u64 = open(&directory).backlog().iter().map(|(_, rows)| rows).sum();
        assert_eq!(saved + lost, rows, "{milliseconds} ms");
    }
}

/// The disk has no room for a copy of the rows.
#[test]
fn rows_of_removed_files_are_drained_from_the_open_files_on_a_full_disk() {
    let Some(disk) = Disk::mount() else { return };
    let directory = disk.0.path().join("spool");
    let spool = open(&directory);
    let ids = fill_calls(&spool);
    eventually("tidied", || std::fs::metadata(directory.join("spool.db-wal")).unwrap().len() == 0);
    assert_eq!(rows(&spool, "calls").len(), 4500);
    disk.fill();
    remove_database(&directory);
    for _ in 0..20 {
        assert_eq!(append(&spool, vec![entry("calls", b"refused")], None), Err(AppendError::Disk));
        assert_eq!(rows(&spool, "calls").len(), 4500);
        assert!(!directory.join("spool.db.salvage").exists(), "the copy takes room that it cannot use");
        std::thread::sleep(Duration::from_millis(100));
    }
    let (delivered, left) = ids.split_at(4000);
    spool.delete(delivered.to_vec());
    eventually("copied", || directory.join("spool.db").exists());
    eventually("read", || {
        let found = spool.read("calls", RowId(0), usize::MAX, usize::MAX);
        found.is_ok_and(|page| page.rows.iter().map(|row| row.id).eq(left.iter().copied()))
    });
    std::fs::remove_file(disk.filler()).unwrap();
    eventually("is_accepting", || spool.usage().is_accepting);
    append(&spool, vec![entry("calls", b"again")], None).unwrap();
    assert_eq!((rows(&spool, "calls").len(), spool.usage().totals.damaged), (501, 0));
    assert_eq!(spool.usage().totals.deleted, 4000);
    assert_eq!(spool.close(), 0);
}

/// The stop counts only rows that were not delivered.
#[test]
fn rows_of_removed_files_that_cannot_be_copied_are_lost_at_the_stop() {
    let Some(disk) = Disk::mount() else { return };
    let directory = disk.0.path().join("spool");
    let spool = open(&directory);
    let ids = fill_calls(&spool);
    eventually("tidied", || std::fs::metadata(directory.join("spool.db-wal")).unwrap().len() == 0);
    disk.fill();
    remove_database(&directory);
    spool.delete(ids[..10].to_vec());
    assert_eq!(spool.close(), 4490);
}
