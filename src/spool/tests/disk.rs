//! Disk that fails and recovers.

use super::*;
use parking_lot::Mutex;

#[test]
fn full_disk_refuses_then_drains_then_accepts() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    let ids = append(&spool, vec![entry("calls", &[7; 100_000]), entry("calls", b"two")], None).unwrap();
    spool.limit_pages(1);
    assert_eq!(append(&spool, vec![entry("calls", &[7; 100_000])], Some([1; 16])), Err(AppendError::Disk));
    assert!(!spool.usage().is_accepting);
    assert_eq!(rows(&spool, "calls").len(), 2);
    spool.delete(vec![ids[0]]);
    eventually("deleted", || rows(&spool, "calls").len() == 1);
    spool.limit_pages(0);
    eventually("is_accepting", || spool.usage().is_accepting);
    assert!(!knows(&spool, &[1; 16]));
    append(&spool, vec![entry("calls", b"three")], None).unwrap();
    assert_eq!(spool.usage().rows, 2);
    assert!(directory.path().join("reserve").exists());
}

/// Blocks the writer, so that all jobs queued in between form one group.
fn as_one_group(spool: &Spool, queue: impl FnOnce()) {
    let (go_on, wait) = mpsc::channel::<()>();
    spool.shared.queue.push(job_queue::SpoolJob::Run(Box::new(move |_| assert!(wait.recv().is_err()))));
    std::thread::sleep(std::time::Duration::from_millis(100));
    queue();
    drop(go_on);
}

/// Collects late commits.
pub(super) fn recounts(spool: &Spool) -> Arc<Mutex<Vec<LateCommit>>> {
    let found = Arc::new(Mutex::new(Vec::new()));
    let kept = found.clone();
    spool.on_late_commit(move |recount| kept.lock().push(recount));
    found
}

#[test]
fn late_commit_is_reported() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    let found = recounts(&spool);
    let old = [entry("calls", b"one"), entry("calls", b"two"), entry("messages", b"three")];
    let ids = append(&spool, old.to_vec(), Some([1; 16])).unwrap();
    let (told, outcome) = mpsc::channel();
    let refused = || {
        let told = told.clone();
        Box::new(move |ids: Result<&[RowId], AppendError>| told.send(ids.map(<[_]>::to_vec)).unwrap())
            as Completion
    };
    let entries = || vec![entry("calls", b"four"), entry("texts", b"five")];
    as_one_group(&spool, || {
        for identity in [[2; 16], [3; 16]] {
            spool.append(Append { entries: entries(), identity: Some(identity), done: refused() });
        }
        spool.replace(ids[2], entry("letters", b"six"), refused());
        spool.delete(vec![ids[0]]);
        spool.fail_next_commit();
    });
    for _ in 0..3 {
        assert_eq!(outcome.recv().unwrap(), Err(AppendError::Disk));
    }
    eventually("is_accepting", || spool.usage().is_accepting);
    let found = std::mem::take(&mut *found.lock());
    let [LateCommit { rows: found, identities, is_restored: false }] = &found[..] else {
        panic!("{found:?}")
    };
    let after = |id: RowId| id.0 - ids[2].0;
    let mut lanes: Vec<_> =
        found.iter().map(|rows| (&*rows.lane, after(rows.first), after(rows.last), rows.count)).collect();
    lanes.sort_unstable();
    assert_eq!(lanes, [("calls", 1, 3, 2), ("letters", 5, 5, 1), ("texts", 2, 4, 2)]);
    assert_eq!(identities.iter().map(|(identity, _)| *identity).collect::<Vec<_>>(), [[3; 16], [2; 16]]);
    let lanes = Inspection::open(directory.path()).unwrap().lanes().unwrap();
    let lanes: Vec<_> = lanes.iter().map(|lane| (&*lane.name, lane.rows, lane.bytes)).collect();
    assert_eq!(lanes, [("calls", 3, 203), ("letters", 1, 67), ("texts", 2, 136)]);
    let usage = spool.usage();
    assert_eq!((usage.rows, usage.totals.appended, usage.totals.refused), (6, 8, 3));
    assert_eq!((rows(&spool, "calls").len(), rows(&spool, "messages").len()), (3, 0));
    assert!(!directory.path().join("spool.db.damaged-1").exists(), "it went through the salvage");
    let next = append(&spool, entries(), Some([4; 16])).unwrap();
    assert_eq!(next, [RowId(ids[2].0 + 6), RowId(ids[2].0 + 7)], "ids go on behind what was found");
}

#[test]
fn late_commit_is_not_read_before_it_is_reported() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    append(&spool, vec![entry("calls", b"one")], Some([1; 16])).unwrap();
    // The reader has the file open from now on.
    assert_eq!(rows(&spool, "calls").len(), 1);
    let (told, outcome) = mpsc::channel();
    let (recounted, at_recount) = mpsc::channel();
    let reading = Arc::downgrade(&spool);
    spool.on_late_commit(move |found| {
        let read = rows(&reading.upgrade().unwrap(), "calls").len();
        recounted.send((found.rows.len(), read)).unwrap();
    });
    as_one_group(&spool, || {
        let done: Completion = Box::new(move |ids| told.send(ids.map(<[_]>::to_vec)).unwrap());
        let entries = vec![entry("calls", b"two"), entry("texts", b"three")];
        spool.append(Append { entries, identity: Some([2; 16]), done });
        spool.fail_next_commit();
    });
    assert_eq!(outcome.recv().unwrap(), Err(AppendError::Disk));
    let seen = || (rows(&spool, "calls").len(), rows(&spool, "texts").len());
    assert_eq!(seen(), (1, 0), "before the file is open again");
    assert_eq!(at_recount.recv().unwrap(), (2, 1), "before it is counted");
    eventually("is_accepting", || spool.usage().is_accepting);
    assert_eq!(seen(), (2, 1));
    assert!(knows(&spool, &[2; 16]));
    append(&spool, vec![entry("calls", b"four")], Some([3; 16])).unwrap();
    assert_eq!(seen(), (3, 1));
    assert!(!directory.path().join("spool.db.damaged-1").exists(), "taken for damage");
}

/// The commit reached a file that is removed or found damaged afterwards.
#[test]
fn late_commit_is_reported_after_a_salvage() {
    for is_removed in [true, false] {
        let directory = TempDir::new().unwrap();
        let spool = open(directory.path());
        let found = recounts(&spool);
        append(&spool, vec![entry("calls", b"one")], Some([1; 16])).unwrap();
        let (told, outcome) = mpsc::channel();
        as_one_group(&spool, || {
            let done: Completion = Box::new(move |ids| told.send(ids.map(<[_]>::to_vec)).unwrap());
            spool.append(Append { entries: vec![entry("calls", b"two")], identity: Some([2; 16]), done });
            if !is_removed {
                spool.salvage();
            }
            spool.fail_next_commit();
        });
        if is_removed {
            for name in ["spool.db", "spool.db-wal", "spool.db-shm"] {
                let _ = std::fs::remove_file(directory.path().join(name));
            }
        }
        let refused = outcome.recv().unwrap().is_err();
        eventually("is_accepting", || spool.usage().is_accepting);
        let found: Vec<_> = found.lock().iter().flat_map(|found| found.rows.clone()).collect();
        let ids: Vec<_> = rows(&spool, "calls").into_iter().map(|row| row.id).collect();
        assert_eq!(ids.len(), 1 + found.len() + usize::from(!refused), "{found:?}");
        assert_eq!(knows(&spool, &[2; 16]), ids.len() == 2);
    }
}

#[test]
fn delete_with_unknown_outcome_is_counted_once() {
    for reached_the_disk in [true, false] {
        let directory = TempDir::new().unwrap();
        let spool = open(directory.path());
        let ids = append(&spool, vec![entry("calls", b"one"), entry("calls", b"two")], None).unwrap();
        if reached_the_disk {
            spool.shared.fail_next_commit.store(true, Ordering::SeqCst);
        } else {
            spool.limit_pages(1);
        }
        let (told, outcome) = mpsc::channel();
        as_one_group(&spool, || {
            spool.delete(vec![ids[0]]);
            let done: Completion = Box::new(move |ids| told.send(ids.map(<[_]>::to_vec)).unwrap());
            spool.append(Append { entries: vec![entry("calls", &[7; 100_000])], identity: None, done });
        });
        assert_eq!(outcome.recv().unwrap(), Err(AppendError::Disk));
        spool.limit_pages(0);
        eventually("is_accepting", || spool.usage().is_accepting);
        settle(&spool);
        let left = rows(&spool, "calls");
        let found = reached_the_disk.then_some(RowId(ids[1].0 + 1));
        assert_eq!(
            left.iter().map(|row| row.id).collect::<Vec<_>>(),
            Vec::from_iter([ids[1]].into_iter().chain(found))
        );
        let lanes = Inspection::open(directory.path()).unwrap().lanes().unwrap();
        let expected = if reached_the_disk { (1, 2, 67 + 100_064) } else { (1, 1, 67) };
        assert_eq!((lanes.len(), lanes[0].rows, lanes[0].bytes), expected);
    }
}

#[test]
fn reserve_has_blocks() {
    use std::os::unix::fs::MetadataExt;
    let directory = TempDir::new().unwrap();
    let _spool = open(directory.path());
    let found = std::fs::metadata(directory.path().join("reserve")).unwrap();
    assert_eq!(found.len(), 4 * MIB);
    assert!(found.blocks() * 512 >= 4 * MIB);
}

#[test]
fn appends_are_accepted_again_only_after_a_complete_checkpoint() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    append(&spool, vec![entry("calls", b"one")], None).unwrap();
    let other = rusqlite::Connection::open(directory.path().join("spool.db")).unwrap();
    other.execute_batch("BEGIN").unwrap();
    let count = || other.query_row("SELECT count(*) FROM record", (), |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count(), 1);
    spool.limit_pages(1);
    assert_eq!(append(&spool, vec![entry("calls", &[7; 100_000])], None), Err(AppendError::Disk));
    spool.limit_pages(0);
    let begun = std::time::Instant::now();
    while begun.elapsed().as_secs() < 2 {
        assert!(!spool.usage().is_accepting, "a reader still needs the log");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(rows(&spool, "calls").len(), 1, "reads go on");
    other.execute_batch("COMMIT").unwrap();
    eventually("is_accepting", || spool.usage().is_accepting);
}

#[test]
fn spool_accepts_nothing_while_a_commit_hangs() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    append(&spool, vec![entry("calls", b"one")], None).unwrap();
    let hung = spool.hang_next_commit();
    let (told, outcome) = mpsc::channel();
    let done = Box::new(move |ids: Result<&[RowId], AppendError>| told.send(ids.is_ok()).unwrap());
    spool.append(Append { entries: vec![entry("calls", b"two")], identity: None, done });
    eventually("noticed", || !spool.usage().is_accepting);
    assert_eq!(rows(&spool, "calls").len(), 1, "reads continue");
    drop(hung);
    assert!(outcome.recv().unwrap());
    eventually("is_accepting", || spool.usage().is_accepting);
}

#[test]
fn close_waits_for_a_hung_disk_for_a_limited_time() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    let hung = spool.hang_next_commit();
    let (told, outcome) = mpsc::channel();
    let done = Box::new(move |ids: Result<&[RowId], AppendError>| told.send(ids.is_ok()).unwrap());
    spool.append(Append { entries: vec![entry("calls", b"one")], identity: None, done });
    assert_eq!(spool.close_within(Duration::from_millis(50)), None);
    drop(spool);
    assert!(is_in_use(directory.path()).unwrap(), "the writer still has the files");
    drop(hung);
    assert!(outcome.recv().unwrap());
    eventually("closed", || !is_in_use(directory.path()).unwrap());
    assert_eq!(rows(&open(directory.path()), "calls").len(), 1);
}
