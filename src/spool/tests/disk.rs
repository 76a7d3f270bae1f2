//! A disk that fails and comes back.

use super::*;
use std::sync::atomic::Ordering;

/// As if the disk were full at this many pages; zero: it has room again.
fn limit_pages(spool: &Spool, pages: u32) {
    spool.shared.pages.store(pages, Ordering::SeqCst);
    let shared = spool.shared.clone();
    spool.shared.queue.push(queue::Job::Run(Box::new(move |connection| {
        shared.limit_pages(connection).unwrap();
    })));
}

#[test]
fn a_full_disk_refuses_then_drains_then_takes_again() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    let ids = append(&spool, vec![entry("calls", &[7; 100_000]), entry("calls", b"two")], None).unwrap();
    limit_pages(&spool, 1);
    assert_eq!(append(&spool, vec![entry("calls", &[7; 100_000])], Some([1; 24])), Err(Refused::Disk));
    assert!(!spool.usage().taking);
    assert_eq!(rows(&spool, "calls").len(), 2);
    spool.delete(vec![ids[0]]);
    eventually("deleted", || rows(&spool, "calls").len() == 1);
    limit_pages(&spool, 0);
    eventually("taking", || spool.usage().taking);
    assert!(!spool.knows(&[1; 24], 0));
    append(&spool, vec![entry("calls", b"three")], None).unwrap();
    assert_eq!(spool.usage().rows, 2);
    assert!(directory.path().join("reserve").exists());
}

#[test]
fn what_was_refused_and_reappears_is_undone() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    append(&spool, vec![entry("calls", b"one")], None).unwrap();
    // As a commit that reached the disk although its sync failed.
    spool.shared.queue.push(queue::Job::Run(Box::new(|connection| {
        connection
            .execute_batch(
                "INSERT INTO record SELECT 99, lane, appended_at, session, checksum, payload FROM record;
                 UPDATE lane SET rows = rows + 1, bytes = bytes + 67;",
            )
            .unwrap();
    })));
    let generation = 0;
    spool.shared.queue.push(queue::Job::Salvage { generation });
    eventually("taking", || spool.usage().taking && spool.usage().rows == 1);
    assert_eq!(rows(&spool, "calls").len(), 1);
}

#[test]
fn the_reserve_has_blocks() {
    use std::os::unix::fs::MetadataExt;
    let directory = TempDir::new().unwrap();
    let _spool = open(directory.path());
    let found = std::fs::metadata(directory.path().join("reserve")).unwrap();
    assert_eq!(found.len(), 4 * MIB);
    assert!(found.blocks() * 512 >= 4 * MIB);
}
