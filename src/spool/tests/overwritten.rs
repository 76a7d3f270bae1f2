//! The spool's files are truncated, overwritten or removed at moments at which their lengths do not show it.

use super::moved::{FILES, accepted, payloads};
use super::*;
use std::fs;
use std::os::unix::fs::FileExt;

/// Fills the lane `calls` and waits until all rows are in the database.
fn written_back(directory: &Path, rows: u64) -> Arc<Spool> {
    let spool = open(directory);
    let entries = (0..rows).map(|n| entry("calls", format!("row-{n}-").repeat(30).as_bytes())).collect();
    append(&spool, entries, None).unwrap();
    eventually("written back", || fs::metadata(directory.join("spool.db-wal")).unwrap().len() == 0);
    settle(&spool);
    spool
}

fn shorten(path: &Path, bytes: impl FnOnce(u64) -> u64) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_len(bytes(file.metadata().unwrap().len())).unwrap();
}

#[test]
fn truncation_during_a_commit_is_noticed_before_its_rows_are_accepted() {
    for (name, divisor) in
        [("spool.db", u64::MAX), ("spool.db", 2), ("spool.db-wal", u64::MAX), ("spool.db-wal", 2)]
    {
        let directory = TempDir::new().unwrap();
        let spool = written_back(directory.path(), 700);
        // The log is not written back while this snapshot is open.
        let other = rusqlite::Connection::open(directory.path().join("spool.db")).unwrap();
        other.execute_batch("BEGIN; SELECT count(*) FROM record").unwrap();
        (0..5).for_each(|_| drop(append(&spool, vec![entry("calls", b"in the log")], None).unwrap()));
        let path = directory.path().join(name);
        *spool.shared.commit_interference.lock() =
            Some(Box::new(move || shorten(&path, |bytes| bytes / divisor / 4096 * 4096)));
        let during = append(&spool, vec![entry("calls", b"during")], None);
        assert_eq!(during, Err(AppendError::Disk), "{name} / {divisor}");
        drop(other);
        accepted(&spool, b"after");
        let copy = crashed(directory.path());
        let found = payloads(copy.path());
        assert_eq!(found.last().unwrap(), "after", "{name} / {divisor}");
        let known = found.iter().filter(|payload| *payload != "after" && *payload != "during").count() as u64;
        let damaged = spool.usage().totals.damaged;
        assert_eq!(known + damaged, 705, "{name} / {divisor}: {known} found");
        assert_eq!(rows(&spool, "calls").len(), found.len());
    }
}

#[test]
fn rows_of_a_truncated_or_overwritten_database_are_counted() {
    for is_overwritten in [false, true] {
        let directory = TempDir::new().unwrap();
        let spool = written_back(directory.path(), 700);
        let path = directory.path().join("spool.db");
        let bytes = fs::metadata(&path).unwrap().len();
        shorten(&path, |_| 0);
        if is_overwritten {
            shorten(&path, |_| bytes);
        }
        eventually("found", || {
            drop(spool.read("calls", RowId(0), usize::MAX, usize::MAX));
            directory.path().join("spool.db.damaged-1").exists() && spool.usage().is_accepting
        });
        let found = rows(&spool, "calls").len() as u64;
        let damaged = spool.usage().totals.damaged;
        assert_eq!(found + damaged, 700, "{is_overwritten}: {found} found");
        assert_eq!(spool.close(), damaged, "{is_overwritten}");
    }
}

/// The file keeps its length, and SQLite reads its own cache.
#[test]
fn content_that_another_process_overwrites_is_noticed_before_the_next_append() {
    for is_older in [false, true] {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("spool.db");
        let spool = written_back(directory.path(), 350);
        let mut older = fs::read(&path).unwrap();
        let more = (0..350).map(|n| entry("calls", format!("row-{n}-").repeat(30).as_bytes())).collect();
        append(&spool, more, None).unwrap();
        eventually("written back", || {
            fs::metadata(directory.path().join("spool.db-wal")).unwrap().len() == 0
        });
        settle(&spool);
        let bytes = fs::metadata(&path).unwrap().len() as usize;
        older.resize(bytes, 0);
        let content = if is_older { older } else { vec![0; bytes] };
        fs::File::options().write(true).open(&path).unwrap().write_all_at(&content, 0).unwrap();
        assert_eq!(
            append(&spool, vec![entry("calls", b"refused")], None),
            Err(AppendError::Disk),
            "{is_older}"
        );
        accepted(&spool, b"after");
        let found = payloads(crashed(directory.path()).path());
        assert_eq!(found.last().unwrap(), "after");
        let (found, damaged) = (found.len() as u64 - 1, spool.usage().totals.damaged);
        assert_eq!(found + damaged, 700, "{is_older}: {found} found");
        assert_eq!(found >= 350, is_older);
    }
}

/// The spool closes its file on a full disk.
#[test]
fn rows_of_files_removed_while_the_disk_is_full_are_counted() {
    let directory = TempDir::new().unwrap();
    let spool = written_back(directory.path(), 50);
    spool.limit_pages(1);
    assert_eq!(append(&spool, vec![entry("calls", &[7; 100_000])], None), Err(AppendError::Disk));
    FILES[..3].iter().for_each(|name| drop(fs::remove_file(directory.path().join(name))));
    spool.limit_pages(0);
    eventually("is_accepting", || spool.usage().is_accepting);
    assert_eq!((spool.usage().totals.damaged, rows(&spool, "calls").len()), (50, 0));
    let ids = append(&spool, vec![SpoolEntry { handed_over: true, ..entry("calls", b"new") }], None).unwrap();
    assert!(ids[0] > RowId(50) && rows(&spool, "calls")[0].handed_over);
    // The new file is known from now on.
    spool.limit_pages(1);
    assert_eq!(append(&spool, vec![entry("calls", &[7; 100_000])], None), Err(AppendError::Disk));
    spool.limit_pages(0);
    eventually("is_accepting", || spool.usage().is_accepting);
    assert_eq!((spool.usage().totals.damaged, rows(&spool, "calls").len()), (50, 1));
    assert_eq!(spool.close(), 50);
}

/// A checkpoint of this process gives the database its length and a new time back.
#[test]
fn truncation_during_a_checkpoint_is_noticed() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("spool.db");
    let store = store_with_rows(&path);
    let bytes = fs::metadata(&path).unwrap().len();
    shorten(&path, |_| 0);
    shorten(&path, |_| bytes);
    store.files.record_checkpoint(&store.connection, true);
    assert!(store.check().is_err_and(|fault| fault.is_damage()));
}

/// Creates a store with rows that are in the database.
fn store_with_rows(path: &Path) -> store::SpoolStore {
    let mut store = store::SpoolStore::open(path, 1, schema::DatabaseAccess::Shared).unwrap();
    let mut change = store.begin().unwrap();
    for _ in 0..700 {
        change.append(&entry("calls", &[7; 300]), 7).unwrap();
    }
    let accounts = change.commit().unwrap();
    store.adopt(accounts);
    assert!(store.checkpoint().unwrap());
    store.check().unwrap();
    store
}

/// Starts a check of the content with this outcome.
fn start_check(
    store: &store::SpoolStore,
    path: &Path,
    outcome: impl FnOnce() -> rusqlite::Result<bool> + Send + 'static,
) {
    let file = rusqlite::Connection::open(path).unwrap();
    let check = verification::Verification::start(file, |_| outcome()).unwrap();
    store.verification.replace(Some(check));
}

/// The log has pages that the database lacks, but only those of this process.
#[test]
fn pages_in_the_log_are_not_missing_after_a_vacuum() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("spool.db");
    let mut store = store_with_rows(&path);
    let mut change = store.begin().unwrap();
    (1..=600).for_each(|id| assert!(change.delete(id).unwrap()));
    let accounts = change.commit().unwrap();
    store.adopt(accounts);
    store.check_commit().unwrap();
    Spool::change_from_outside(directory.path(), "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
    let mut change = store.begin().unwrap();
    for _ in 0..200 {
        change.append(&entry("calls", &[7; 300]), 7).unwrap();
    }
    let accounts = change.commit().unwrap();
    store.adopt(accounts);
    store.check_commit().unwrap();
}

#[test]
fn database_that_is_missing_after_its_opening_is_not_taken_for_the_open_one() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("spool.db");
    let store = store_with_rows(&path);
    fs::remove_file(&path).unwrap();
    assert!(matches!(open_files::OpenFiles::of(&path), Err(schema::SpoolFault::Moved)));
    assert!(matches!(store.check(), Err(schema::SpoolFault::Moved)));
}

#[test]
fn suspicion_survives_a_check_that_fails() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("spool.db");
    let store = store_with_rows(&path);
    start_check(&store, &path, || Err(rusqlite::Error::InvalidQuery));
    eventually("failed", || store.check().is_err());
    assert!(store.is_suspect());
    // The check cannot begin: a later release has written the file.
    Spool::change_from_outside(directory.path(), "PRAGMA user_version = 7; PRAGMA application_id = 7");
    assert!(store.check().is_err());
    assert!(store.is_suspect());
}

/// The content is overwritten during a commit that fails for another reason.
#[test]
fn suspicion_survives_another_fault() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("spool.db");
    let spool = written_back(directory.path(), 350);
    let page = fs::metadata(&path).unwrap().len() / 2 / 4096 * 4096;
    *spool.shared.commit_interference.lock() = Some(Box::new(move || {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.write_all_at(&[0; 4096], page).unwrap();
        // Its closing would drop the locks of the process.
        std::mem::forget(file);
    }));
    spool.fail_next_commit();
    assert_eq!(append(&spool, vec![entry("texts", b"late")], None), Err(AppendError::Disk));
    eventually("is_accepting", || spool.usage().is_accepting);
    drop(append(&spool, vec![entry("texts", b"after")], None));
    eventually("salvaged", || directory.path().join("spool.db.damaged-1").exists());
    eventually("is_accepting", || spool.usage().is_accepting);
    let found = rows(&spool, "calls").len() as u64;
    assert_eq!(found + spool.usage().totals.damaged, 350, "{found} found");
}

/// A check of gigabytes takes longer than an event waits.
#[test]
fn long_check_of_the_content_continues_beside_appends() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("spool.db");
    let mut store = store_with_rows(&path);
    let (go_on, wait) = mpsc::channel::<()>();
    start_check(&store, &path, move || Ok(wait.recv().is_ok()));
    let mut change = store.begin().unwrap();
    change.append(&entry("calls", b"one"), 7).unwrap();
    let accounts = change.commit().unwrap();
    store.adopt(accounts);
    store.check_commit().unwrap();
    assert!(store.is_suspect());
    assert!(!store.checkpoint().unwrap(), "the row stays in the log");
    drop(go_on);
    eventually("the verdict", || store.check().is_err_and(|fault| fault.is_damage()));
}

/// The log cannot be written back during the check.
#[test]
fn deletes_wait_for_a_long_check_when_the_log_is_long() {
    let directory = TempDir::new().unwrap();
    let spool = Spool::open(directory.path(), &config(4 * MIB), 1000).unwrap();
    let ids = append(&spool, (0..2000).map(|_| entry("calls", &[7; 300])).collect(), None).unwrap();
    settle(&spool);
    let (go_on, wait) = mpsc::channel::<()>();
    let path = directory.path().join("spool.db");
    spool.shared.queue.push(job_queue::SpoolJob::Run(Box::new(move |store| {
        start_check(store, &path, move || Ok(wait.recv().is_err()));
    })));
    append(&spool, vec![entry("texts", &[7; 600_000])], None).unwrap();
    let log = || fs::metadata(directory.path().join("spool.db-wal")).unwrap().len();
    let before = log();
    assert!(before > 4 * MIB / 8);
    spool.delete(ids);
    (0..20).for_each(|_| settle(&spool));
    assert_eq!(rows(&spool, "calls").len(), 2000);
    assert!(spool.has_pending_deletes());
    assert!(log() < before + 20 * 8 * 4096, "{before} {}", log());
    drop(go_on);
    eventually("deleted", || rows(&spool, "calls").is_empty() && !spool.has_pending_deletes());
}

#[test]
fn check_that_cannot_read_the_file_closes_nothing_and_is_tried_later() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("spool.db");
    let store = store_with_rows(&path);
    let error = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_READ);
    start_check(&store, &path, move || Err(rusqlite::Error::SqliteFailure(error, None)));
    eventually("failed", || {
        store.check().unwrap();
        !store.is_verifying()
    });
    assert!(store.is_suspect());
    (0..3).for_each(|_| store.check().unwrap());
    assert!(!store.is_verifying(), "it was tried again at once");
}

#[test]
fn appends_to_a_hung_disk_are_refused_at_once() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    let hung = spool.hang_next_commit();
    let first = queue_append(&spool, vec![entry("calls", b"one")], None);
    eventually("the commit", || spool.shared.commit_interference.lock().is_none());
    *spool.shared.busy_since.lock() = Some(std::time::Instant::now() - COMMIT_TIMEOUT * 2);
    let second = queue_append(&spool, vec![entry("calls", b"two")], None);
    assert_eq!(second.try_recv(), Ok(Err(AppendError::Disk)));
    assert_eq!(spool.usage().totals.refused, 1);
    drop(hung);
    assert!(first.recv().unwrap().is_ok(), "what was queued before is kept");
    accepted(&spool, b"three");
    assert_eq!(rows(&spool, "calls").len(), 2);
}

/// SQLite's recovery after a crash ends at the first frame with a wrong checksum.
#[test]
fn log_that_another_process_overwrites_gets_no_further_row() {
    for (at, bytes) in [(100, 2000), (16, 16)] {
        let directory = TempDir::new().unwrap();
        let spool = written_back(directory.path(), 350);
        let other = rusqlite::Connection::open(directory.path().join("spool.db")).unwrap();
        other.execute_batch("BEGIN; SELECT count(*) FROM record").unwrap();
        (0..5).for_each(|_| drop(append(&spool, vec![entry("calls", b"in the log")], None).unwrap()));
        let log = fs::File::options().write(true).open(directory.path().join("spool.db-wal")).unwrap();
        drop(other);
        log.write_all_at(&vec![7; bytes], at).unwrap();
        (0..2).for_each(|_| accepted(&spool, b"after"));
        let copy = crashed(directory.path());
        let found = payloads(copy.path());
        assert_eq!(found.iter().filter(|payload| *payload == "after").count(), 2, "{at}");
        let damaged = spool.usage().totals.damaged;
        assert!(found.len() as u64 + damaged >= 357, "{at}: {} found, {damaged} damaged", found.len());
    }
}
