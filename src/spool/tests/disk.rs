//! A disk that fails and comes back.

use super::*;
use std::sync::Mutex;

#[test]
fn a_full_disk_refuses_then_drains_then_takes_again() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    let ids = append(&spool, vec![entry("calls", &[7; 100_000]), entry("calls", b"two")], None).unwrap();
    spool.limit_pages(1);
    assert_eq!(append(&spool, vec![entry("calls", &[7; 100_000])], Some([1; 16])), Err(Refused::Disk));
    assert!(!spool.usage().taking);
    assert_eq!(rows(&spool, "calls").len(), 2);
    spool.delete(vec![ids[0]]);
    eventually("deleted", || rows(&spool, "calls").len() == 1);
    spool.limit_pages(0);
    eventually("taking", || spool.usage().taking);
    assert!(!knows(&spool, &[1; 16]));
    append(&spool, vec![entry("calls", b"three")], None).unwrap();
    assert_eq!(spool.usage().rows, 2);
    assert!(directory.path().join("reserve").exists());
}

/// Has the writer wait, so that all that is queued in between is one group.
fn as_one_group(spool: &Spool, queue: impl FnOnce()) {
    let (go_on, wait) = mpsc::channel::<()>();
    spool.shared.queue.push(queue::Job::Run(Box::new(move |_| assert!(wait.recv().is_err()))));
    std::thread::sleep(std::time::Duration::from_millis(100));
    queue();
    drop(go_on);
}

/// Collects what the spool recounts.
pub(super) fn recounts(spool: &Spool) -> Arc<Mutex<Vec<Recount>>> {
    let found = Arc::new(Mutex::new(Vec::new()));
    let kept = found.clone();
    spool.on_recount(move |recount| kept.lock().unwrap().push(recount));
    found
}

#[test]
fn what_was_refused_and_reappears_is_recounted() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    let found = recounts(&spool);
    let old = [entry("calls", b"one"), entry("calls", b"two"), entry("messages", b"three")];
    let ids = append(&spool, old.to_vec(), Some([1; 16])).unwrap();
    let (told, outcome) = mpsc::channel();
    let refused = || {
        let told = told.clone();
        Box::new(move |ids: Result<&[RowId], Refused>| told.send(ids.map(<[_]>::to_vec)).unwrap()) as Told
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
        assert_eq!(outcome.recv().unwrap(), Err(Refused::Disk));
    }
    eventually("taking", || spool.usage().taking);
    let found = std::mem::take(&mut *found.lock().unwrap());
    let [Recount { rows: found, identities }] = &found[..] else { panic!("{found:?}") };
    let lanes: Vec<_> = found.iter().map(|(lane, id)| (&**lane, id.0 - ids[2].0)).collect();
    assert_eq!(lanes, [("calls", 1), ("texts", 2), ("calls", 3), ("texts", 4), ("letters", 5)]);
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
fn what_was_refused_is_not_read_before_it_is_recounted() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    append(&spool, vec![entry("calls", b"one")], Some([1; 16])).unwrap();
    // The reader has the file open from now on.
    assert_eq!(rows(&spool, "calls").len(), 1);
    let (told, outcome) = mpsc::channel();
    let (recounted, at_recount) = mpsc::channel();
    let reading = Arc::downgrade(&spool);
    spool.on_recount(move |found| {
        let read = rows(&reading.upgrade().unwrap(), "calls").len();
        recounted.send((found.rows.len(), read)).unwrap();
    });
    as_one_group(&spool, || {
        let done: Told = Box::new(move |ids| told.send(ids.map(<[_]>::to_vec)).unwrap());
        let entries = vec![entry("calls", b"two"), entry("texts", b"three")];
        spool.append(Append { entries, identity: Some([2; 16]), done });
        spool.fail_next_commit();
    });
    assert_eq!(outcome.recv().unwrap(), Err(Refused::Disk));
    let seen = || (rows(&spool, "calls").len(), rows(&spool, "texts").len());
    assert_eq!(seen(), (1, 0), "before the file is open again");
    assert_eq!(at_recount.recv().unwrap(), (2, 1), "before it is counted");
    eventually("taking", || spool.usage().taking);
    assert_eq!(seen(), (2, 1));
    assert!(knows(&spool, &[2; 16]));
    append(&spool, vec![entry("calls", b"four")], Some([3; 16])).unwrap();
    assert_eq!(seen(), (3, 1));
    assert!(!directory.path().join("spool.db.damaged-1").exists(), "taken for damage");
}

/// The commit reached a file that is no longer on disk, or that is found damaged afterwards.
#[test]
fn what_was_refused_and_is_salvaged_is_recounted() {
    for is_removed in [true, false] {
        let directory = TempDir::new().unwrap();
        let spool = open(directory.path());
        let found = recounts(&spool);
        append(&spool, vec![entry("calls", b"one")], Some([1; 16])).unwrap();
        let (told, outcome) = mpsc::channel();
        as_one_group(&spool, || {
            let done: Told = Box::new(move |ids| told.send(ids.map(<[_]>::to_vec)).unwrap());
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
        eventually("taking", || spool.usage().taking);
        let found: Vec<_> = found.lock().unwrap().iter().flat_map(|found| found.rows.clone()).collect();
        let ids: Vec<_> = rows(&spool, "calls").into_iter().map(|row| row.id).collect();
        assert_eq!(ids.len(), 1 + found.len() + usize::from(!refused), "{found:?}");
        assert_eq!(knows(&spool, &[2; 16]), ids.len() == 2);
    }
}

#[test]
fn a_delete_whose_outcome_is_unknown_is_done_once() {
    for reached_the_disk in [true, false] {
        let directory = TempDir::new().unwrap();
        let spool = open(directory.path());
        let ids = append(&spool, vec![entry("calls", b"one"), entry("calls", b"two")], None).unwrap();
        if reached_the_disk {
            spool.shared.doubtful.store(true, Ordering::SeqCst);
        } else {
            spool.limit_pages(1);
        }
        let (told, outcome) = mpsc::channel();
        as_one_group(&spool, || {
            spool.delete(vec![ids[0]]);
            let done: Told = Box::new(move |ids| told.send(ids.map(<[_]>::to_vec)).unwrap());
            spool.append(Append { entries: vec![entry("calls", &[7; 100_000])], identity: None, done });
        });
        assert_eq!(outcome.recv().unwrap(), Err(Refused::Disk));
        spool.limit_pages(0);
        eventually("taking", || spool.usage().taking);
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
fn the_reserve_has_blocks() {
    use std::os::unix::fs::MetadataExt;
    let directory = TempDir::new().unwrap();
    let _spool = open(directory.path());
    let found = std::fs::metadata(directory.path().join("reserve")).unwrap();
    assert_eq!(found.len(), 4 * MIB);
    assert!(found.blocks() * 512 >= 4 * MIB);
}

#[test]
fn a_disk_is_trusted_again_only_once_the_log_is_written_back() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    append(&spool, vec![entry("calls", b"one")], None).unwrap();
    let other = rusqlite::Connection::open(directory.path().join("spool.db")).unwrap();
    other.execute_batch("BEGIN").unwrap();
    let count = || other.query_row("SELECT count(*) FROM record", (), |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count(), 1);
    spool.limit_pages(1);
    assert_eq!(append(&spool, vec![entry("calls", &[7; 100_000])], None), Err(Refused::Disk));
    spool.limit_pages(0);
    let begun = std::time::Instant::now();
    while begun.elapsed().as_secs() < 2 {
        assert!(!spool.usage().taking, "a reader still needs the log");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(rows(&spool, "calls").len(), 1, "reads go on");
    other.execute_batch("COMMIT").unwrap();
    eventually("taking", || spool.usage().taking);
}
