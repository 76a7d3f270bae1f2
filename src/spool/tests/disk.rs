//! A disk that fails and comes back.

use super::*;

#[test]
fn a_full_disk_refuses_then_drains_then_takes_again() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    let ids = append(&spool, vec![entry("calls", &[7; 100_000]), entry("calls", b"two")], None).unwrap();
    spool.limit_pages(1);
    assert_eq!(append(&spool, vec![entry("calls", &[7; 100_000])], Some([1; 24])), Err(Refused::Disk));
    assert!(!spool.usage().taking);
    assert_eq!(rows(&spool, "calls").len(), 2);
    spool.delete(vec![ids[0]]);
    eventually("deleted", || rows(&spool, "calls").len() == 1);
    spool.limit_pages(0);
    eventually("taking", || spool.usage().taking);
    assert!(!spool.knows(&[1; 24], 0));
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

/// All that the file says: rows, identities and accounts.
fn content(directory: &Path) -> Vec<String> {
    let raw = rusqlite::Connection::open(directory.join("spool.db")).unwrap();
    let mut lines = Vec::new();
    for sql in [
        "SELECT id || ' ' || lane || ' ' || appended_at || ' ' || session || ' ' || checksum || ' ' || hex(payload)
         FROM record ORDER BY id",
        "SELECT hex(key) || ' ' || at FROM identity ORDER BY key",
        "SELECT name || ' ' || rows || ' ' || bytes FROM lane WHERE rows > 0 OR bytes > 0 ORDER BY name",
    ] {
        let mut statement = raw.prepare(sql).unwrap();
        let found = statement.query_map((), |row| row.get(0)).unwrap();
        lines.extend(found.map(Result::<String, _>::unwrap));
    }
    lines
}

fn greatest_id_ever(directory: &Path) -> i64 {
    let raw = rusqlite::Connection::open(directory.join("spool.db")).unwrap();
    raw.query_row("SELECT seq FROM sqlite_sequence", (), |row| row.get(0)).unwrap()
}

#[test]
fn what_was_refused_and_reappears_is_undone() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    let old = [entry("calls", b"one"), entry("calls", b"two"), entry("messages", b"three")];
    let ids = append(&spool, old.to_vec(), Some([1; 24])).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(5));
    let before = content(directory.path());
    let (told, outcome) = mpsc::channel();
    let refused = || {
        let told = told.clone();
        Box::new(move |ids: Result<&[RowId], Refused>| told.send(ids.map(<[_]>::to_vec)).unwrap()) as Told
    };
    let entries = || vec![entry("calls", b"four"), entry("texts", b"five")];
    as_one_group(&spool, || {
        for identity in [[1; 24], [2; 24], [2; 24]] {
            spool.append(Append { entries: entries(), identity: Some(identity), done: refused() });
        }
        spool.replace(ids[2], entry("calls", b"six"), refused());
        spool.shared.doubtful.store(true, Ordering::SeqCst);
    });
    for _ in 0..4 {
        assert_eq!(outcome.recv().unwrap(), Err(Refused::Disk));
    }
    eventually("taking", || spool.usage().taking);
    assert_eq!(content(directory.path()), before);
    assert_eq!(greatest_id_ever(directory.path()), ids[2].0 + 7, "it never was on disk: this proves nothing");
    assert_eq!(spool.usage().rows, 3);
    assert_eq!((rows(&spool, "calls").len(), rows(&spool, "texts").len()), (2, 0));
    assert!(spool.knows(&[1; 24], 0) && !spool.knows(&[2; 24], 0));
    assert!(!directory.path().join("spool.db.damaged-1").exists(), "it went through the salvage");
    let next = append(&spool, entries(), Some([2; 24])).unwrap();
    assert!(next[0].0 > ids[2].0 + 7, "ids of what was refused are not used again: {next:?}");
}

#[test]
fn what_was_refused_is_not_seen_before_it_is_undone() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    append(&spool, vec![entry("calls", b"one")], Some([1; 24])).unwrap();
    // The reader has the file open from now on.
    assert_eq!(rows(&spool, "calls").len(), 1);
    let (told, outcome) = mpsc::channel();
    as_one_group(&spool, || {
        let done: Told = Box::new(move |ids| told.send(ids.map(<[_]>::to_vec)).unwrap());
        let entries = vec![entry("calls", b"two"), entry("texts", b"three")];
        spool.append(Append { entries, identity: Some([2; 24]), done });
        spool.shared.doubtful.store(true, Ordering::SeqCst);
    });
    assert_eq!(outcome.recv().unwrap(), Err(Refused::Disk));
    let seen = || (rows(&spool, "calls").len(), rows(&spool, "texts").len(), spool.knows(&[2; 24], 0));
    assert_eq!(seen(), (1, 0, false), "before it is undone");
    assert!(spool.knows(&[1; 24], 0), "that was never in doubt");
    eventually("taking", || spool.usage().taking);
    assert_eq!(seen(), (1, 0, false));
    append(&spool, vec![entry("calls", b"two")], Some([2; 24])).unwrap();
    assert_eq!(seen(), (2, 0, true));
    assert!(!directory.path().join("spool.db.damaged-1").exists(), "taken for damage");
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
        assert_eq!(left.iter().map(|row| row.id).collect::<Vec<_>>(), [ids[1]]);
        let lanes = Inspection::open(directory.path()).unwrap().lanes().unwrap();
        assert_eq!((lanes.len(), lanes[0].rows, lanes[0].bytes), (1, 1, 67));
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
