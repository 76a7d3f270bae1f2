mod damage;
mod disk;
mod full;
mod limits;
mod model;
mod moved;
mod overwritten;

use super::inspection::SetAside;
use super::*;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;
use tempfile::TempDir;

pub(super) const MIB: u64 = 1024 * 1024;

pub(super) fn config(max_bytes: u64) -> Config {
    Config { directory: None, max_bytes, max_lane_share: 100 }
}

pub(super) fn open(directory: &Path) -> Arc<Spool> {
    Spool::open(directory, &config(64 * MIB), 1000).unwrap()
}

pub(super) fn entry(lane: &str, payload: &[u8]) -> SpoolEntry {
    SpoolEntry {
        lane: lane.into(),
        payload: Bytes::copy_from_slice(payload),
        handed_over: false,
        max_lane_bytes: None,
    }
}

pub(super) fn append(
    spool: &Spool,
    entries: Vec<SpoolEntry>,
    identity: Option<Identity>,
) -> Result<Vec<RowId>, AppendError> {
    queue_append(spool, entries, identity).recv().unwrap()
}

/// Queues an append, and returns the receiver of its outcome.
pub(super) fn queue_append(
    spool: &Spool,
    entries: Vec<SpoolEntry>,
    identity: Option<Identity>,
) -> mpsc::Receiver<Result<Vec<RowId>, AppendError>> {
    let (told, outcome) = mpsc::channel();
    let done = Box::new(move |ids: Result<&[RowId], AppendError>| told.send(ids.map(<[_]>::to_vec)).unwrap());
    spool.append(Append { entries, identity, done });
    outcome
}

pub(super) fn replace(spool: &Spool, id: RowId, entry: SpoolEntry) -> Result<Vec<RowId>, AppendError> {
    let (told, outcome) = mpsc::channel();
    spool.replace(id, entry, Box::new(move |ids| told.send(ids.map(<[_]>::to_vec)).unwrap()));
    outcome.recv().unwrap()
}

pub(super) fn park(spool: &Spool, id: RowId) -> bool {
    let (told, outcome) = mpsc::channel();
    spool.park(id, Box::new(move |parked| told.send(parked).unwrap()));
    outcome.recv().unwrap()
}

/// Waits until all queued jobs are committed.
pub(super) fn settle(spool: &Spool) {
    park(spool, RowId(-1));
}

pub(super) fn rows(spool: &Spool, lane: &str) -> Vec<Row> {
    spool.read(lane, RowId(0), usize::MAX, usize::MAX).unwrap().rows
}

pub(super) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !holds() {
        assert!(begun.elapsed().as_secs() < 120, "never: {what}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Copies the files as a crash would leave them now.
pub(super) fn crashed(from: &Path) -> TempDir {
    let read = || ["spool.db", "spool.db-wal"].map(|name| std::fs::read(from.join(name)).ok());
    let mut files = read();
    // A checkpoint between both reads would return a state that was never on the disk.
    while let again = read()
        && again != files
    {
        files = again;
    }
    let copy = TempDir::new().unwrap();
    for (name, bytes) in ["spool.db", "spool.db-wal"].into_iter().zip(files) {
        if let Some(bytes) = bytes {
            std::fs::write(copy.path().join(name), bytes).unwrap();
        }
    }
    copy
}

/// Returns the identities in the file, oldest first.
pub(super) fn identities(directory: &Path) -> Vec<Identity> {
    let raw = rusqlite::Connection::open(directory.join("spool.db")).unwrap();
    let mut statement = raw.prepare("SELECT identity FROM remembered ORDER BY id").unwrap();
    let found = statement.query_map((), |row| row.get(0)).unwrap();
    found.map(Result::unwrap).collect()
}

pub(super) fn knows(spool: &Spool, identity: &Identity) -> bool {
    identities(&spool.shared.files.directory).contains(identity)
}

/// Constructor that tests of other rooms use.
impl Spool {
    /// Simulates a failed sync of the next append, after it has reached the disk.
    pub(crate) fn fail_next_commit(&self) {
        self.shared.fail_next_commit.store(true, Ordering::SeqCst);
    }

    /// Closes the spool on a disk that works.
    pub(crate) fn close(&self) -> u64 {
        self.close_within(Duration::from_secs(120)).expect("a spool that closes")
    }

    /// Simulates a disk on which the next commit hangs while the result is held.
    pub(crate) fn hang_next_commit(&self) -> impl Drop + use<> {
        struct Hung(Option<mpsc::Sender<()>>);
        impl Drop for Hung {
            fn drop(&mut self) {
                drop(self.0.take());
            }
        }
        let (go_on, wait) = mpsc::channel();
        *self.shared.commit_interference.lock() = Some(Box::new(move || assert!(wait.recv().is_err())));
        Hung(Some(go_on))
    }

    /// Simulates a disk that is full at this many pages; zero: it has room.
    pub(crate) fn limit_pages(&self, pages: u32) {
        self.shared.pages.store(pages, Ordering::SeqCst);
        let shared = self.shared.clone();
        self.shared.queue.push(job_queue::SpoolJob::Run(Box::new(move |store| {
            shared.limit_pages(&store.connection).unwrap();
        })));
    }

    /// Changes the file as another process, with or without an open spool.
    pub(crate) fn change_from_outside(directory: &Path, sql: &str) {
        let raw = rusqlite::Connection::open(directory.join("spool.db")).unwrap();
        raw.busy_timeout(Duration::from_secs(10)).unwrap();
        raw.execute_batch(sql).unwrap();
    }

    /// Simulates a read that met damage.
    pub(crate) fn salvage(&self) {
        let generation = self.shared.reader.lock().generation;
        self.shared.queue.push(job_queue::SpoolJob::Salvage { generation, proven: true });
    }

    /// Blocks every read while the result is held.
    pub(crate) fn hang(&self) -> impl Drop + use<> {
        struct Hung(mpsc::Sender<()>);
        impl Drop for Hung {
            fn drop(&mut self) {
                let _ = self.0.send(());
            }
        }
        let (go_on, wait) = mpsc::channel();
        let (told, hung) = mpsc::channel();
        let shared = self.shared.clone();
        std::thread::spawn(move || {
            let _reader = shared.reader.lock();
            told.send(()).unwrap();
            wait.recv().unwrap();
        });
        hung.recv().unwrap();
        Hung(go_on)
    }
}

#[test]
fn directory_that_every_user_may_write_to_is_refused() {
    let folder = TempDir::new().unwrap();
    let mode = |mode| std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    for open_to_all in [0o777, 0o1777, 0o702] {
        mode(open_to_all);
        let refused = Spool::open(folder.path(), &config(MIB), 0).err().unwrap().to_string();
        assert!(refused.contains("chmod o-w"), "{refused}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        // A directory inside it belongs to the spool alone.
        drop(Spool::open(&folder.path().join("own"), &config(64 * MIB), 0).unwrap());
        std::fs::remove_dir_all(folder.path().join("own")).unwrap();
    }
    mode(0o2770);
    drop(open(folder.path()));
}

#[test]
fn append_completes_after_its_rows_are_on_disk() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    let (told, outcome) = mpsc::channel();
    let path = directory.path().to_path_buf();
    let done = Box::new(move |ids: Result<&[RowId], AppendError>| {
        let seen = Inspection::open(&path).unwrap().page(RowSelection::Waiting, RowId(0), 10).unwrap();
        told.send((ids.unwrap()[0], seen[0].id)).unwrap();
    });
    spool.append(Append { entries: vec![entry("calls", b"one")], identity: None, done });
    let (id, seen) = outcome.recv().unwrap();
    assert_eq!(id, seen);
}

#[test]
fn panicking_callback_does_not_affect_other_jobs() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    spool.append(Append { entries: Vec::new(), identity: None, done: Box::new(|_| panic!("a bug")) });
    assert!(append(&spool, vec![entry("calls", b"one")], None).is_ok());
}

#[test]
fn files_are_readable_by_their_owner_only() {
    let parent = TempDir::new().unwrap();
    let directory = parent.path().join("spool");
    let spool = open(&directory);
    append(&spool, vec![entry("calls", b"one")], None).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    for name in ["spool.db", "spool.db-wal", "spool.db-shm", "lock", "reserve"] {
        assert_eq!(mode(&directory.join(name)), 0o600, "{name}");
    }
}

#[test]
fn second_process_cannot_open_until_the_first_closes() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    let second = Spool::open(directory.path(), &config(MIB), 1000);
    assert!(matches!(second, Err(OpenError::InUse(path)) if path == directory.path()));
    assert!(is_in_use(directory.path()).unwrap());
    spool.close();
    assert!(!is_in_use(directory.path()).unwrap());
    assert!(matches!(spool.read("calls", RowId(0), 1, 1), Err(ReadError(_))));
    open(directory.path());
}

#[test]
fn check_for_use_does_not_block_an_open() {
    let directory = TempDir::new().unwrap();
    drop(open(directory.path()));
    let looking = std::fs::File::open(directory.path().join("lock")).unwrap();
    looking.try_lock_shared().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            looking.unlock().unwrap();
        });
        drop(open(directory.path()));
    });
}

#[test]
fn check_for_use_creates_nothing() {
    let directory = TempDir::new().unwrap();
    assert!(!is_in_use(directory.path()).unwrap());
    assert!(!is_in_use(&directory.path().join("missing")).unwrap());
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn rows_set_aside_are_shown_and_retried_at_a_start() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    let entries = vec![entry("calls", b"one"), entry("calls", b"two"), entry("sms", b"three")];
    let ids = append(&spool, entries, None).unwrap();
    assert!(park(&spool, ids[0]) && park(&spool, ids[2]));
    let shown = |kept| {
        let rows = Inspection::open(directory.path()).unwrap().page(kept, RowId(0), 10).unwrap();
        rows.into_iter().map(|row| (row.id, row.payload, row.intact)).collect::<Vec<_>>()
    };
    let row = |at: usize, payload: &'static [u8]| (ids[at], Bytes::from_static(payload), true);
    assert_eq!(shown(RowSelection::SetAside), [row(0, b"one"), row(2, b"three")]);
    assert_eq!(shown(RowSelection::Waiting), [row(1, b"two")]);
    spool.close();
    let spool = open(directory.path());
    assert_eq!(shown(RowSelection::SetAside), []);
    assert_eq!(shown(RowSelection::Waiting), [row(0, b"one"), row(1, b"two"), row(2, b"three")]);
    let backlog: Vec<_> = spool.backlog().into_iter().map(|(lane, rows)| (lane.to_string(), rows)).collect();
    assert_eq!(backlog, [("calls".to_owned(), 2), ("sms".to_owned(), 1)]);
    assert!(append(&spool, vec![entry("calls", b"four")], None).unwrap()[0] > ids[2]);
}

#[test]
fn append_after_the_close_is_refused() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    spool.close();
    assert_eq!(append(&spool, vec![entry("calls", b"one")], None), Err(AppendError::Disk));
    assert!(!park(&spool, RowId(1)));
}

#[test]
fn later_schema_is_not_opened() {
    let directory = TempDir::new().unwrap();
    open(directory.path()).close();
    Spool::change_from_outside(directory.path(), "PRAGMA user_version = 7; PRAGMA application_id = 7");
    let later = Spool::open(directory.path(), &config(MIB), 1000);
    assert!(matches!(later, Err(OpenError::Newer { found: 7, known: 3, .. })));
}

#[test]
fn older_schema_is_migrated_once() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("any.db");
    drop(
        schema::open_with(
            &path,
            schema::DatabaseAccess::Shared,
            &["CREATE TABLE a(x); INSERT INTO a VALUES (1)"],
        )
        .unwrap(),
    );
    let both = ["CREATE TABLE a(x)", "UPDATE a SET x = x + 1"];
    drop(schema::open_with(&path, schema::DatabaseAccess::Shared, &both).unwrap());
    let database = schema::open_with(&path, schema::DatabaseAccess::Shared, &both).unwrap();
    let x: i64 = database.query_row("SELECT x FROM a", (), |row| row.get(0)).unwrap();
    assert_eq!(x, 2);
}

#[test]
fn page_ends_at_its_byte_limit_but_holds_at_least_one_row() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    let ids = append(&spool, (0..4).map(|_| entry("calls", &[7; 100])).collect(), None).unwrap();
    let other = append(&spool, vec![entry("texts", b"later")], None).unwrap()[0];
    let page = |after, rows, bytes| {
        let page = spool.read("calls", after, rows, bytes).unwrap();
        (page.rows.len(), page.through)
    };
    assert_eq!(page(RowId(0), 10, 1), (1, ids[0]));
    assert_eq!(page(RowId(0), 10, 250), (2, ids[1]));
    assert_eq!(page(RowId(0), 3, 1000), (3, ids[2]));
    assert_eq!(page(ids[1], 10, 1000), (2, other), "the lane ends");
    assert_eq!(page(ids[3], 10, 1000), (0, other));
}

#[test]
fn rows_are_handed_over_for_this_process_only() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    append(&spool, vec![SpoolEntry { handed_over: true, ..entry("calls", b"one") }], None).unwrap();
    assert!(rows(&spool, "calls")[0].handed_over);
    spool.close();
    assert!(!rows(&open(directory.path()), "calls")[0].handed_over);
}

#[test]
fn newest_identities_are_returned_by_the_next_open_with_their_times() {
    let directory = TempDir::new().unwrap();
    let before = group_commit::now();
    let spool = Spool::open(directory.path(), &config(MIB), 3).unwrap();
    assert_eq!(spool.take_identities(), []);
    for n in 1..=5 {
        let ids = append(&spool, vec![entry("calls", b"one")], Some([n; 16])).unwrap();
        spool.delete(ids);
    }
    spool.close();
    assert_eq!(identities(directory.path()), [[3; 16], [4; 16], [5; 16]], "the oldest are gone first");
    let spool = Spool::open(directory.path(), &config(MIB), 3).unwrap();
    let found = spool.take_identities();
    assert!(found.iter().all(|(_, at)| (before..=group_commit::now()).contains(at)), "{found:?}");
    let found: Vec<_> = found.into_iter().map(|(identity, _)| identity).collect();
    assert_eq!(found, [[5; 16], [4; 16], [3; 16]]);
    assert_eq!(spool.take_identities(), [], "taken once");
}

#[test]
fn identity_is_on_disk_with_its_rows_or_not_at_all() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    append(&spool, vec![entry("calls", b"one")], Some([1; 16])).unwrap();
    let copy = crashed(directory.path());
    assert_eq!(open(copy.path()).take_identities().len(), 1);
    spool.limit_pages(1);
    let refused = append(&spool, vec![entry("calls", &[7; 100_000])], Some([2; 16]));
    assert_eq!(refused, Err(AppendError::Disk));
    let copy = crashed(directory.path());
    let spool = open(copy.path());
    assert_eq!((spool.take_identities().len(), rows(&spool, "calls").len()), (1, 1));
}

/// A window of zero remembers nothing.
#[test]
fn no_identity_is_kept_with_a_limit_of_zero() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    append(&spool, vec![entry("calls", b"one")], Some([1; 16])).unwrap();
    spool.close();
    let spool = Spool::open(directory.path(), &config(MIB), 0).unwrap();
    assert_eq!(spool.take_identities(), []);
    append(&spool, vec![entry("calls", b"two")], Some([2; 16])).unwrap();
    assert_eq!(identities(directory.path()), [[0; 16]; 0]);
}

/// Creates a spool of an older version, with rows in the tables of version 1.
pub(super) fn older_version(directory: &Path, version: usize) {
    let path = directory.join("spool.db");
    drop(schema::open_with(&path, schema::DatabaseAccess::Shared, &schema::MIGRATIONS[..version]).unwrap());
    let mut sql = "INSERT INTO lane(id, name, rows, bytes) VALUES (1, 'calls', 40, 42560);".to_owned();
    for id in 1..=40 {
        let checksum = stored_row::checksum(id, "calls", 7, 0, &[7; 1000]);
        sql += &format!("INSERT INTO record VALUES ({id}, 1, 7, 0, {checksum}, x'{}');", "07".repeat(1000));
        sql += &format!("INSERT INTO identity VALUES (x'{:048x}', {id});", id * 7919 % 41);
    }
    let checksum = stored_row::checksum(41, "calls", 7, 0, &[1]);
    sql += &format!("INSERT INTO parked VALUES (41, 1, 7, 0, {checksum}, x'01');");
    sql += "INSERT INTO damaged VALUES (42, 1, 7, 0, 0, x'');";
    Spool::change_from_outside(directory, &sql);
}

#[test]
fn spool_of_version_1_is_opened_without_its_identities() {
    let directory = TempDir::new().unwrap();
    older_version(directory.path(), 1);
    let status = Inspection::open(directory.path()).unwrap();
    assert_eq!(status.lanes().unwrap()[0].rows, 40, "it can be inspected before");
    drop(status);
    let spool = open(directory.path());
    // The row that was set aside counts too: the file does not know its id, but ids continue after it.
    assert_eq!((rows(&spool, "calls").len(), spool.take_identities().len()), (41, 0));
    append(&spool, vec![entry("calls", b"one")], Some([1; 16])).unwrap();
    let set_aside = Inspection::open(directory.path()).unwrap().set_aside().unwrap();
    assert_eq!(set_aside, SetAside { damaged: 1, parked: 0 });
    spool.close();
    assert_eq!(open(directory.path()).take_identities().len(), 1);
    assert!(!directory.path().join("spool.db.damaged-1").exists(), "salvaged");
}

#[test]
fn opening_and_reading_scan_nothing() {
    let directory = TempDir::new().unwrap();
    open(directory.path()).close();
    let raw = rusqlite::Connection::open(directory.path().join("spool.db")).unwrap();
    let reading = reader::PAGE.replace("?1", "1").replace("?2", "1");
    let opening = ["SELECT max(id) FROM record", "SELECT max(id) FROM remembered", &reading];
    for sql in opening {
        let plan: String = raw.query_row(&format!("EXPLAIN QUERY PLAN {sql}"), (), |row| row.get(3)).unwrap();
        assert!(plan.starts_with("SEARCH"), "{sql}: {plan}");
    }
}
