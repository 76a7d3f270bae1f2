use super::super::tests::{crashed, entry};
use super::*;
use std::path::Path;
use tempfile::TempDir;

const BYTES: u64 = 256 * 1024;

fn reserve(directory: &Path) -> DiskReserve {
    DiskReserve::new(SpoolFiles::new(directory), BYTES)
}

fn store(directory: &Path, access: DatabaseAccess) -> SpoolStore {
    SpoolStore::open(&SpoolFiles::new(directory).database(), 1, access).unwrap()
}

/// Appends a record of this size.
fn put(store: &mut SpoolStore, bytes: usize) {
    let mut change = store.begin().unwrap();
    change.append(&entry("calls", &vec![7; bytes]), 0).unwrap();
    let accounts = change.commit().unwrap();
    store.adopt(accounts);
}

fn rows(directory: &Path) -> u64 {
    store(directory, DatabaseAccess::Shared).accounts.lanes.iter().map(|lane| lane.rows).sum()
}

#[test]
fn reclaimed_reserve_has_its_size_and_no_old_content() {
    let directory = TempDir::new().unwrap();
    let mut reserve = reserve(directory.path());
    put(&mut store(directory.path(), DatabaseAccess::Shared), 10);
    reserve.create().unwrap();
    assert_eq!(reserve.release().unwrap(), DatabaseAccess::Exclusive);
    assert!(reserve.is_released());
    let mut alone = store(directory.path(), DatabaseAccess::Exclusive);
    put(&mut alone, 10_000);
    reserve.reclaim(alone).unwrap();
    assert_eq!(fs::read(directory.path().join("reserve")).unwrap(), vec![0; BYTES as usize]);
    assert_eq!(rows(directory.path()), 2);
}

/// A truncated log would look newer than the database, and overwrite its pages with old ones.
#[test]
fn kill_while_a_long_log_becomes_the_reserve_loses_nothing() {
    let directory = TempDir::new().unwrap();
    let reserve = reserve(directory.path());
    let mut alone = store(directory.path(), DatabaseAccess::Exclusive);
    for _ in 0..20 {
        put(&mut alone, 50_000);
    }
    assert!(reserve.is_released() && alone.checkpoint().unwrap());
    // New frames overwrite the beginning of a log that was written back.
    put(&mut alone, 10);
    assert!(alone.checkpoint().unwrap());
    reserve.leave_log().unwrap();
    let after = crashed(directory.path());
    assert_eq!(rows(after.path()), 21);
    drop(alone);
    assert!(fs::metadata(directory.path().join("reserve")).unwrap().len() > BYTES);
    reserve.create().unwrap();
    assert!(reserve.is_complete());
}

#[test]
fn incomplete_reserve_is_freed() {
    let directory = TempDir::new().unwrap();
    put(&mut store(directory.path(), DatabaseAccess::Shared), 10);
    fs::write(directory.path().join("reserve"), [0; 1000]).unwrap();
    assert_eq!(reserve(directory.path()).release().unwrap(), DatabaseAccess::Exclusive);
    assert!(!directory.path().join("reserve").exists());
}

#[test]
fn release_waits_for_a_reader_but_not_forever() {
    let directory = TempDir::new().unwrap();
    put(&mut store(directory.path(), DatabaseAccess::Shared), 10);
    let mut reserve = reserve(directory.path());
    reserve.create().unwrap();
    let reader = store(directory.path(), DatabaseAccess::Shared);
    assert!(reserve.release().unwrap_err().is_busy());
    assert!(reserve.is_complete());
    reserve.busy_tries = MAX_BUSY_TRIES;
    assert_eq!(reserve.release().unwrap(), DatabaseAccess::Shared);
    assert!(!directory.path().join("reserve").exists());
    drop(reader);
}
