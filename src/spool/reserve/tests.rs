use super::super::tests::{crashed, entry};
use super::*;
use std::path::Path;
use tempfile::TempDir;

const BYTES: u64 = 256 * 1024;

fn reserve(directory: &Path) -> Reserve {
    Reserve::new(Files::new(directory), BYTES)
}

fn store(directory: &Path, access: Access) -> Store {
    Store::open(&Files::new(directory).database(), 1, access).unwrap()
}

/// Puts a record in, of so many bytes.
fn put(store: &mut Store, bytes: usize) {
    let mut change = store.begin().unwrap();
    change.append(&entry("calls", &vec![7; bytes]), 0).unwrap();
    let accounts = change.commit().unwrap();
    store.adopt(accounts);
}

fn rows(directory: &Path) -> u64 {
    store(directory, Access::Shared).accounts.lanes.iter().map(|lane| lane.rows).sum()
}

#[test]
fn lent_and_taken_back_it_is_as_before_and_holds_nothing_of_what_it_held() {
    let directory = TempDir::new().unwrap();
    let mut reserve = reserve(directory.path());
    put(&mut store(directory.path(), Access::Shared), 10);
    reserve.make().unwrap();
    assert_eq!(reserve.lend().unwrap(), Access::Alone);
    assert!(reserve.is_lent());
    let mut alone = store(directory.path(), Access::Alone);
    put(&mut alone, 10_000);
    reserve.take_back(alone).unwrap();
    assert_eq!(fs::read(directory.path().join("reserve")).unwrap(), vec![0; BYTES as usize]);
    assert_eq!(rows(directory.path()), 2);
}

/// A log that was cut would be taken for newer than the database, and lay old pages over it.
#[test]
fn killed_while_a_long_log_becomes_the_reserve_nothing_is_lost() {
    let directory = TempDir::new().unwrap();
    let reserve = reserve(directory.path());
    let mut alone = store(directory.path(), Access::Alone);
    for _ in 0..20 {
        put(&mut alone, 50_000);
    }
    assert!(reserve.is_lent() && alone.checkpoint().unwrap());
    // What comes after the log was written back is written over its beginning.
    put(&mut alone, 10);
    assert!(alone.checkpoint().unwrap());
    reserve.leave_log().unwrap();
    let after = crashed(directory.path());
    assert_eq!(rows(after.path()), 21);
    drop(alone);
    assert!(fs::metadata(directory.path().join("reserve")).unwrap().len() > BYTES);
    reserve.make().unwrap();
    assert!(reserve.is_whole());
}

#[test]
fn a_part_of_a_reserve_gives_its_blocks_back() {
    let directory = TempDir::new().unwrap();
    put(&mut store(directory.path(), Access::Shared), 10);
    fs::write(directory.path().join("reserve"), [0; 1000]).unwrap();
    assert_eq!(reserve(directory.path()).lend().unwrap(), Access::Alone);
    assert!(!directory.path().join("reserve").exists());
}

#[test]
fn a_reader_is_waited_for_and_one_without_end_is_not() {
    let directory = TempDir::new().unwrap();
    put(&mut store(directory.path(), Access::Shared), 10);
    let mut reserve = reserve(directory.path());
    reserve.make().unwrap();
    let reader = store(directory.path(), Access::Shared);
    assert!(reserve.lend().unwrap_err().is_busy());
    assert!(reserve.is_whole());
    reserve.hindered = MOST_HINDERED;
    assert_eq!(reserve.lend().unwrap(), Access::Shared);
    assert!(!directory.path().join("reserve").exists());
    drop(reader);
}
