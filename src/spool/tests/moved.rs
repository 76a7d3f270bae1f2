//! The spool's files are removed, replaced or truncated by another process while the spool is open.

use super::*;
use std::fs;

pub(super) const FILES: [&str; 5] = ["spool.db", "spool.db-wal", "spool.db-shm", "lock", "reserve"];

/// Appends until the spool accepts, and returns the payload that was accepted.
pub(super) fn accepted(spool: &Spool, payload: &[u8]) {
    eventually("accepted", || append(spool, vec![entry("calls", payload)], None).is_ok());
}

pub(super) fn payloads(directory: &Path) -> Vec<Bytes> {
    let rows = rows(&open(directory), "calls");
    rows.into_iter().map(|row| row.payload).collect()
}

/// Runs `harm` between two appends. A crash afterwards must leave every accepted row, in order.
///
/// Returns the parent of the spool's directory.
fn survives(harm: impl FnOnce(&Path)) -> TempDir {
    let parent = TempDir::new().unwrap();
    let directory = parent.path().join("spool");
    let spool = open(&directory);
    let ids = append(&spool, vec![entry("calls", b"one"), entry("calls", b"two")], Some([1; 16])).unwrap();
    assert_eq!(rows(&spool, "calls").len(), 2);
    harm(&directory);
    // Refused, unless the idle spool has already noticed the harm and repaired it. Then the row is in the new
    // files if the old ones had it.
    let between = append(&spool, vec![entry("calls", b"between")], Some([2; 16]));
    accepted(&spool, b"three");
    let copy = crashed(&directory);
    let found = payloads(copy.path());
    let has_between = found.iter().any(|payload| payload == "between");
    assert!(has_between || between.is_err());
    let mut expected = vec![&b"one"[..], b"two", b"between", b"three"];
    expected.retain(|payload| has_between || *payload != b"between");
    assert_eq!(found, expected);
    assert_eq!(rows(&spool, "calls").len(), expected.len());
    assert!(knows(&spool, &[1; 16]));
    assert_eq!(knows(&spool, &[2; 16]), has_between);
    assert_eq!(spool.usage().totals.damaged, 0);
    spool.delete(ids);
    settle(&spool);
    assert_eq!(spool.usage().rows, expected.len() as u64 - 2);
    let lock = files::SpoolFiles::new(&directory).take_lock_within(Duration::ZERO);
    assert!(matches!(lock, Err(fs::TryLockError::WouldBlock)), "another process can open the new files");
    parent
}

#[test]
fn rows_of_removed_files_are_copied_into_new_ones() {
    survives(|directory| FILES.iter().for_each(|name| fs::remove_file(directory.join(name)).unwrap()));
}

#[test]
fn rows_of_a_removed_database_are_copied_without_its_log() {
    survives(|directory| fs::remove_file(directory.join("spool.db")).unwrap());
}

#[test]
fn log_without_its_database_is_set_aside_at_a_start() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    append(&spool, vec![entry("calls", b"one")], None).unwrap();
    let copy = crashed(directory.path());
    fs::remove_file(copy.path().join("spool.db")).unwrap();
    let bytes = fs::metadata(copy.path().join("spool.db-wal")).unwrap().len();
    assert!(bytes > 0);
    drop(open(copy.path()));
    assert_eq!(fs::metadata(copy.path().join("spool.db.damaged-1-wal")).unwrap().len(), bytes);
}

/// The path of the spool is unreadable for a while: it is a symbolic link to itself.
#[test]
fn rows_of_removed_files_survive_an_unreadable_directory() {
    let parent = TempDir::new().unwrap();
    let directory = parent.path().join("spool");
    let spool = open(&directory);
    append(&spool, vec![entry("calls", b"one")], None).unwrap();
    settle(&spool);
    fs::remove_dir_all(&directory).unwrap();
    std::os::unix::fs::symlink(&directory, &directory).unwrap();
    eventually("refused", || append(&spool, vec![entry("calls", b"two")], None).is_err());
    fs::remove_file(&directory).unwrap();
    accepted(&spool, b"three");
    assert_eq!(spool.close(), 0);
    assert_eq!(payloads(&directory), ["one", "three"]);
}

#[test]
fn rows_of_an_unreadable_directory_are_not_counted_as_lost_at_the_stop() {
    for is_noticed in [false, true] {
        let parent = TempDir::new().unwrap();
        let (directory, away) = (parent.path().join("spool"), parent.path().join("away"));
        let spool = open(&directory);
        append(&spool, vec![entry("calls", b"one")], None).unwrap();
        settle(&spool);
        fs::rename(&directory, &away).unwrap();
        std::os::unix::fs::symlink(&directory, &directory).unwrap();
        if is_noticed {
            eventually("refused", || append(&spool, vec![entry("calls", b"two")], None).is_err());
        }
        assert_eq!(spool.close(), 0);
        fs::remove_file(&directory).unwrap();
        fs::rename(&away, &directory).unwrap();
        assert_eq!(payloads(&directory), ["one"]);
    }
}

/// The stop is before the next check of the files.
#[test]
fn rows_of_removed_files_survive_a_stop() {
    for is_lost in [false, true] {
        let parent = TempDir::new().unwrap();
        let directory = parent.path().join("spool");
        let spool = open(&directory);
        append(&spool, vec![entry("calls", b"one"), entry("calls", b"two")], None).unwrap();
        settle(&spool);
        fs::remove_dir_all(&directory).unwrap();
        if is_lost {
            fs::write(&directory, "no place for new files").unwrap();
        }
        let lost = spool.close();
        assert_eq!(lost, if is_lost { 2 } else { 0 });
        if !is_lost {
            assert_eq!(payloads(&directory), ["one", "two"]);
        }
    }
}

/// Lane numbers differ in the new file, which has no lane without rows.
#[test]
fn rows_that_were_set_aside_survive_a_rescue() {
    let parent = TempDir::new().unwrap();
    let directory = parent.path().join("spool");
    let spool = open(&directory);
    for lane in ["calls", "sms", "other", "parked"] {
        append(&spool, vec![entry(lane, b"row")], None).unwrap();
    }
    let ids = append(&spool, vec![entry("parked", b"one"), entry("empty", b"two")], None).unwrap();
    assert!(park(&spool, ids[0]) && park(&spool, ids[1]));
    spool.delete(rows(&spool, "calls").iter().map(|row| row.id).collect());
    settle(&spool);
    fs::remove_dir_all(&directory).unwrap();
    accepted(&spool, b"after");
    spool.close();
    let spool = open(&directory);
    let found = |lane| rows(&spool, lane).into_iter().map(|row| row.payload).collect::<Vec<_>>();
    assert_eq!(
        (found("parked"), found("empty")),
        (vec!["row".into(), "one".into()], vec![Bytes::from("two")])
    );
    assert_eq!(spool.usage().totals.damaged, 0);
}

#[test]
fn rows_of_a_removed_directory_are_copied_into_a_new_one() {
    survives(|directory| fs::remove_dir_all(directory).unwrap());
}

#[test]
fn rows_of_a_directory_replaced_by_an_empty_one_are_copied_into_it() {
    survives(|directory| {
        fs::rename(directory, directory.with_extension("old")).unwrap();
        fs::create_dir(directory).unwrap();
    });
}

#[test]
fn rows_of_a_removed_log_are_copied_into_a_new_file() {
    survives(|directory| fs::remove_file(directory.join("spool.db-wal")).unwrap());
}

#[test]
fn rows_of_a_replaced_log_are_copied_into_a_new_file() {
    survives(|directory| {
        fs::write(directory.join("new"), "").unwrap();
        fs::rename(directory.join("new"), directory.join("spool.db-wal")).unwrap();
    });
}

#[test]
fn database_in_the_place_of_the_open_one_is_set_aside() {
    let other = TempDir::new().unwrap();
    let spool = open(other.path());
    append(&spool, vec![entry("texts", b"other")], None).unwrap();
    drop(spool);
    let parent = survives(|directory| {
        fs::copy(other.path().join("spool.db"), directory.join("new")).unwrap();
        fs::rename(directory.join("new"), directory.join("spool.db")).unwrap();
    });
    assert!(parent.path().join("spool/spool.db.damaged-1").exists());
}

#[test]
fn rows_of_a_truncated_database_are_copied_from_the_log() {
    survives(|directory| {
        fs::File::options().write(true).open(directory.join("spool.db")).unwrap().set_len(0).unwrap();
    });
}

#[test]
fn rows_lost_with_a_truncated_log_are_counted() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    append(&spool, vec![entry("calls", b"one")], None).unwrap();
    settle(&spool);
    eventually("checkpointed", || fs::metadata(directory.path().join("spool.db-wal")).unwrap().len() == 0);
    append(&spool, vec![entry("calls", b"two")], None).unwrap();
    let log = fs::File::options().write(true).open(directory.path().join("spool.db-wal")).unwrap();
    log.set_len(0).unwrap();
    accepted(&spool, b"three");
    assert_eq!(payloads(crashed(directory.path()).path()), [&b"one"[..], b"three"]);
    assert_eq!(spool.usage().totals.damaged, 1);
}

#[test]
fn log_without_its_database_counts_as_a_loss() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    append(&spool, vec![entry("calls", b"one")], None).unwrap();
    let copy = crashed(directory.path());
    fs::remove_file(copy.path().join("spool.db")).unwrap();
    assert_eq!(open(copy.path()).usage().totals.damaged, 1);
}

#[test]
fn idle_spool_notices_that_its_files_are_removed() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    append(&spool, vec![entry("calls", b"one")], None).unwrap();
    FILES.iter().for_each(|name| fs::remove_file(directory.path().join(name)).unwrap());
    eventually("copied", || directory.path().join("reserve").exists());
    eventually("is_accepting", || spool.usage().is_accepting);
    assert_eq!(payloads(crashed(directory.path()).path()), [&b"one"[..]]);
}

#[test]
fn removed_lock_is_taken_again() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    fs::remove_file(directory.path().join("lock")).unwrap();
    append(&spool, vec![entry("calls", b"one")], None).unwrap();
    assert!(matches!(Spool::open(directory.path(), &config(64 * MIB), 1000), Err(OpenError::InUse(_))));
}

/// Tests two moments: after the last commit, and after the last check of the open files.
#[test]
fn rows_of_files_removed_during_the_close_survive() {
    for (moment, is_replaced) in [(0, false), (1, false), (0, true), (1, true)] {
        let parent = TempDir::new().unwrap();
        let directory = parent.path().join("spool");
        let spool = open(&directory);
        append(&spool, vec![entry("calls", b"one"), entry("calls", b"two")], Some([1; 16])).unwrap();
        let mut acts = spool.shared.interference.lock();
        (0..moment).for_each(|_| acts.push_back(Box::new(|| {})));
        let place = directory.clone();
        acts.push_back(Box::new(move || {
            fs::remove_dir_all(&place).unwrap();
            if is_replaced {
                fs::create_dir(&place).unwrap();
                fs::write(place.join("spool.db"), "another file").unwrap();
            }
        }));
        drop(acts);
        assert_eq!(spool.close(), 0);
        drop(spool);
        assert_eq!(payloads(&directory), ["one", "two"], "{moment} {is_replaced}");
        assert_eq!(directory.join("spool.db.damaged-1").exists(), is_replaced);
        assert_eq!(identities(&directory), [[1; 16]]);
    }
}

#[test]
fn rows_of_files_removed_during_the_close_are_counted_if_they_cannot_be_saved() {
    for moment in [0, 1] {
        let parent = TempDir::new().unwrap();
        let directory = parent.path().join("spool");
        let spool = open(&directory);
        append(&spool, vec![entry("calls", b"one"), entry("calls", b"two")], None).unwrap();
        let mut acts = spool.shared.interference.lock();
        (0..moment).for_each(|_| acts.push_back(Box::new(|| {})));
        let place = directory.clone();
        acts.push_back(Box::new(move || {
            fs::remove_dir_all(&place).unwrap();
            fs::write(&place, "no place for new files").unwrap();
        }));
        drop(acts);
        assert_eq!(spool.close(), 2, "{moment}");
    }
}

/// Creates enough rows that VACUUM frees pages.
fn with_free_pages(directory: &Path) -> (Arc<Spool>, Vec<Bytes>) {
    let spool = open(directory);
    let entries = (0..600).map(|n| entry("calls", format!("row-{n}-").repeat(300).as_bytes())).collect();
    let ids = append(&spool, entries, Some([1; 16])).unwrap();
    append(&spool, vec![entry("parked", b"one")], None).unwrap();
    spool.delete(ids[..580].to_vec());
    settle(&spool);
    let left: Vec<_> = rows(&spool, "calls").into_iter().map(|row| row.payload).collect();
    assert_eq!(left.len(), 20);
    (spool, left)
}

#[test]
fn vacuum_or_checkpoint_by_another_process_is_not_damage() {
    for sql in [
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA wal_checkpoint(RESTART)",
        "PRAGMA wal_checkpoint",
        "VACUUM",
        "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA wal_checkpoint(TRUNCATE); VACUUM",
        "PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)",
    ] {
        let directory = TempDir::new().unwrap();
        let (spool, mut left) = with_free_pages(directory.path());
        Spool::change_from_outside(directory.path(), sql);
        append(&spool, vec![entry("calls", b"after")], Some([2; 16])).expect(sql);
        left.push("after".into());
        assert_eq!(rows(&spool, "calls").len(), left.len(), "{sql}");
        assert_eq!(payloads(crashed(directory.path()).path()), left, "{sql}");
        assert!(!directory.path().join("spool.db.damaged-1").exists(), "{sql}");
        assert_eq!((spool.usage().totals.damaged, spool.usage().totals.refused), (0, 0), "{sql}");
        assert_eq!(spool.close(), 0);
        drop(spool);
        assert_eq!(identities(directory.path()), [[1; 16], [2; 16]], "{sql}");
        assert_eq!(payloads(directory.path()), left, "{sql}");
    }
}

/// VACUUM moves the tables to other pages.
#[test]
fn damage_after_a_vacuum_loses_only_the_damaged_rows() {
    let directory = TempDir::new().unwrap();
    let (spool, left) = with_free_pages(directory.path());
    drop(spool);
    Spool::change_from_outside(directory.path(), "VACUUM");
    let spool = open(directory.path());
    spool.salvage();
    eventually("salvaged", || directory.path().join("spool.db.damaged-1").exists());
    eventually("is_accepting", || spool.usage().is_accepting);
    assert_eq!(rows(&spool, "calls").into_iter().map(|row| row.payload).collect::<Vec<_>>(), left);
    assert_eq!(spool.usage().totals.damaged, 0);
    assert!(knows(&spool, &[1; 16]));
}

#[test]
fn database_cut_in_half_is_not_taken_for_a_vacuum() {
    let directory = TempDir::new().unwrap();
    let (spool, left) = with_free_pages(directory.path());
    let path = directory.path().join("spool.db");
    // Before that, the spool itself truncates the file.
    eventually("tidied", || {
        let bytes = |name: &str| fs::metadata(directory.path().join(name)).unwrap().len();
        bytes("spool.db") < 100 * 4096 && bytes("spool.db-wal") == 0
    });
    settle(&spool);
    let bytes = fs::metadata(&path).unwrap().len();
    fs::File::options().write(true).open(&path).unwrap().set_len(bytes / 2).unwrap();
    accepted(&spool, b"after");
    assert!(directory.path().join("spool.db.damaged-1").exists());
    let found = rows(&spool, "calls").len() as u64;
    assert!(found + spool.usage().totals.damaged > left.len() as u64, "{found} found");
}

/// A long VACUUM has the same effect.
#[test]
fn write_lock_of_another_process_delays_appends_and_is_not_damage() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    append(&spool, vec![entry("calls", b"one")], None).unwrap();
    let other = rusqlite::Connection::open(directory.path().join("spool.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(append(&spool, vec![entry("calls", b"two")], None), Err(AppendError::Disk));
    assert!(!spool.usage().is_accepting);
    other.execute_batch("COMMIT; VACUUM").unwrap();
    accepted(&spool, b"three");
    assert_eq!(payloads(crashed(directory.path()).path()), ["one", "three"]);
    assert!(!directory.path().join("spool.db.damaged-1").exists());
    assert_eq!(spool.usage().totals.damaged, 0);
}

/// The copy of the rows is removed before it is in use.
#[test]
fn rows_of_files_that_are_removed_twice_survive() {
    for milliseconds in [0, 0, 0, 1, 2, 4, 8, 12, 16, 24] {
        let parent = TempDir::new().unwrap();
        let directory = parent.path().join("spool");
        let spool = open(&directory);
        append(&spool, vec![entry("calls", b"one"), entry("calls", b"two")], None).unwrap();
        settle(&spool);
        fs::remove_dir_all(&directory).unwrap();
        let again = directory.clone();
        let remover = std::thread::spawn(move || {
            let begun = std::time::Instant::now();
            while !again.join("spool.db").exists() && begun.elapsed().as_secs() < 60 {}
            std::thread::sleep(Duration::from_millis(milliseconds));
            // The spool may create files meanwhile.
            while fs::remove_dir_all(&again).is_err() && again.exists() {}
        });
        drop(append(&spool, vec![entry("calls", b"between")], None));
        remover.join().unwrap();
        accepted(&spool, b"three");
        let found: Vec<_> = rows(&spool, "calls").into_iter().map(|row| row.payload).collect();
        assert_eq!(found[..2], ["one", "two"], "{milliseconds} ms");
        assert_eq!(spool.usage().totals.damaged, 0, "{milliseconds} ms");
    }
}

/// The refused commit adds the first lane, or parks a row. The copy has both rows.
#[test]
fn rows_of_a_commit_that_is_refused_are_not_counted_as_lost() {
    for is_park in [false, true] {
        let directory = TempDir::new().unwrap();
        let spool = open(directory.path());
        let waiting = is_park.then(|| append(&spool, vec![entry("calls", b"one")], None).unwrap()[0]);
        let path = directory.path().to_path_buf();
        let remove = move || FILES.iter().for_each(|name| drop(fs::remove_file(path.join(name))));
        *spool.shared.commit_interference.lock() = Some(Box::new(remove));
        match waiting {
            Some(row) => assert!(!park(&spool, row)),
            None => assert_eq!(append(&spool, vec![entry("calls", b"one")], None), Err(AppendError::Disk)),
        }
        eventually("is_accepting", || spool.usage().is_accepting);
        assert_eq!(spool.usage().totals.damaged, 0, "is_park: {is_park}");
        assert_eq!(spool.close(), 0, "is_park: {is_park}");
        assert_eq!(rows(&open(directory.path()), "calls").len(), 1, "is_park: {is_park}");
    }
}
