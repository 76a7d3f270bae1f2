use super::*;
use proptest::prelude::*;
use std::collections::{BTreeSet, HashMap};
use std::os::unix::fs::FileExt;
use std::sync::LazyLock;

fn flip(path: &Path, bit: u64) {
    let file = std::fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, bit / 8).unwrap();
    byte[0] ^= 1 << (bit % 8);
    file.write_all_at(&byte, bit / 8).unwrap();
}

/// Creates a spool with 60 rows that was closed, and returns the rows.
fn filled(directory: &Path) -> HashMap<RowId, Bytes> {
    // Each row is an append with its own sync, so they are written once.
    static FILLED: LazyLock<(Vec<u8>, HashMap<RowId, Bytes>)> = LazyLock::new(|| {
        let directory = TempDir::new().unwrap();
        let kept = fill(directory.path());
        (std::fs::read(directory.path().join("spool.db")).unwrap(), kept)
    });
    std::fs::write(directory.join("spool.db"), &FILLED.0).unwrap();
    FILLED.1.clone()
}

fn fill(directory: &Path) -> HashMap<RowId, Bytes> {
    let spool = open(directory);
    let mut kept = HashMap::new();
    for n in 0..60_u8 {
        let one = entry(if n % 2 == 0 { "calls" } else { "messages" }, &vec![n; 40 * usize::from(n)]);
        let payload = one.payload.clone();
        let ids = append(&spool, vec![one], Some([n; 16])).unwrap();
        kept.insert(ids[0], payload);
    }
    kept
}

/// Reads all lanes to their ends. Returns the rows and the number of damaged rows.
fn drained(spool: &Spool) -> (Vec<Row>, u64) {
    let mut found = Vec::new();
    // A damaged name is a lane of its own.
    let lanes: BTreeSet<_> = spool
        .backlog()
        .into_iter()
        .map(|(name, _)| name)
        .chain(["calls", "messages"].map(Arc::from))
        .collect();
    for lane in &lanes {
        let mut failures = 0;
        let mut lane_rows = loop {
            match spool.read(lane, RowId(0), usize::MAX, usize::MAX) {
                Ok(page) => break page.rows,
                Err(_) => failures += 1,
            }
            assert!(failures < 500, "never read: {lane}");
            std::thread::sleep(std::time::Duration::from_millis(10));
        };
        found.append(&mut lane_rows);
    }
    (found, spool.usage().totals.damaged)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bits_lose_no_row_silently(places in prop::collection::vec(any::<u64>(), 1..4)) {
        let directory = TempDir::new().unwrap();
        let kept = filled(directory.path());
        let path = directory.path().join("spool.db");
        let bits = std::fs::metadata(&path).unwrap().len() * 8;
        places.iter().for_each(|place| flip(&path, place % bits));
        let spool = Spool::open(directory.path(), &config(8 * MIB), 1000).unwrap();
        let (found, damaged) = drained(&spool);
        for row in &found {
            prop_assert_eq!(kept.get(&row.id), Some(&row.payload));
        }
        prop_assert!(found.len() as u64 + damaged >= 60, "{} found, {} damaged, {:?}, {:?}", found.len(), damaged, spool.backlog(), Inspection::open(directory.path()).unwrap().lanes());
    }
}

const PAGE: u64 = 4096;

/// Covers the index that finds the newest identity too.
#[test]
fn flipped_bit_in_any_page_does_not_prevent_an_open() {
    let directory = TempDir::new().unwrap();
    filled(directory.path());
    let path = directory.path().join("spool.db");
    let sound = std::fs::read(&path).unwrap();
    // The first begins with the header.
    for page in 1..sound.len() as u64 / PAGE {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("spool.db");
        std::fs::write(&path, &sound).unwrap();
        flip(&path, (page * PAGE + 18) * 8 + 4);
        let spool = Spool::open(directory.path(), &config(8 * MIB), 1000);
        assert!(spool.is_ok(), "page {page}: {:?}", spool.err());
    }
}

/// A lane that the index does not find is not empty.
#[test]
fn flipped_bit_in_a_lane_name_loses_no_row_silently() {
    let directory = TempDir::new().unwrap();
    filled(directory.path());
    let bytes = std::fs::read(directory.path().join("spool.db")).unwrap();
    let names: Vec<_> = (0..bytes.len() - 8).filter(|at| bytes[*at..].starts_with(b"messages")).collect();
    assert!(names.len() >= 2, "in the table and in its index");
    for at in names {
        let directory = TempDir::new().unwrap();
        filled(directory.path());
        flip(&directory.path().join("spool.db"), at as u64 * 8);
        let (found, damaged) = drained(&open(directory.path()));
        assert!(found.len() as u64 + damaged >= 60, "at {at}: {} found, {damaged} damaged", found.len());
    }
}

#[test]
fn row_with_a_flipped_bit_is_set_aside_and_the_rest_is_read() {
    let directory = TempDir::new().unwrap();
    filled(directory.path());
    Spool::change_from_outside(directory.path(), "UPDATE record SET payload = x'00' WHERE id = 3");
    let spool = open(directory.path());
    for _ in 0..2 {
        let page = spool.read("calls", RowId(0), 100, usize::MAX).unwrap();
        assert_eq!((page.rows.len(), page.through, spool.usage().totals.damaged), (29, RowId(60), 1));
        settle(&spool);
        assert_eq!(spool.usage().rows, 59);
    }
    assert_eq!(Inspection::open(directory.path()).unwrap().set_aside().unwrap().damaged, 1);
}

#[test]
fn flipped_bit_in_the_schema_version_is_not_a_later_release() {
    const USER_VERSION: u64 = 60;
    let directory = TempDir::new().unwrap();
    filled(directory.path());
    // The highest bit makes the version negative.
    for bit in [USER_VERSION * 8 + 7, USER_VERSION * 8 + 4, (USER_VERSION + 3) * 8 + 5] {
        flip(&directory.path().join("spool.db"), bit);
        let spool = open(directory.path());
        assert_eq!((drained(&spool).0.len(), drained(&spool).1), (60, 0), "bit {bit}");
    }
}

#[test]
fn lost_first_page_loses_no_row() {
    let directory = TempDir::new().unwrap();
    filled(directory.path());
    let file = std::fs::File::options().write(true).open(directory.path().join("spool.db")).unwrap();
    file.write_all_at(&[0xAA; 4096], 0).unwrap();
    let spool = open(directory.path());
    assert_eq!(drained(&spool), (drained(&spool).0, 0));
    assert_eq!(drained(&spool).0.len(), 60);
    assert!(knows(&spool, &[59; 16]));
    assert!(directory.path().join("spool.db.damaged-1").exists());
    let ids = append(&spool, vec![entry("calls", b"next")], None).unwrap();
    assert_eq!(ids, [RowId(61)]);
}

/// The first page is repaired with that of a file of the present version.
#[test]
fn damaged_spool_of_version_1_is_salvaged_completely() {
    for is_first_page_lost in [true, false] {
        let directory = TempDir::new().unwrap();
        older_version(directory.path(), 1);
        let file = std::fs::File::options().write(true).open(directory.path().join("spool.db")).unwrap();
        if is_first_page_lost {
            file.write_all_at(&[0xAA; 4096], 0).unwrap();
        } else {
            Spool::change_from_outside(directory.path(), "UPDATE sqlite_sequence SET seq = 'x'");
        }
        drop(file);
        let spool = open(directory.path());
        assert!(directory.path().join("spool.db.damaged-1").exists());
        // The row that was set aside is retried.
        assert_eq!(drained(&spool).0.len(), 41, "first page lost: {is_first_page_lost}");
        let set_aside = Inspection::open(directory.path()).unwrap().set_aside().unwrap();
        assert_eq!(set_aside, SetAside { damaged: 1, parked: 0 });
    }
}

/// Identities before and after the damage survive.
#[test]
fn identities_beside_a_damaged_page_survive_the_salvage() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    for n in 0..1000_u16 {
        let mut identity = [7; 16];
        identity[..2].copy_from_slice(&n.to_be_bytes());
        let entries = vec![entry("calls", b"one")];
        spool.append(Append { entries, identity: Some(identity), done: Box::new(|_| ()) });
    }
    spool.close();
    let path = directory.path().join("spool.db");
    let raw = rusqlite::Connection::open(&path).unwrap();
    let root: i64 = raw
        .query_row("SELECT rootpage FROM sqlite_master WHERE name = 'remembered'", (), |row| row.get(0))
        .unwrap();
    drop(raw);
    let bytes = std::fs::read(&path).unwrap();
    // The root holds the page numbers of the leaves: four bytes before each key.
    let root = &bytes[(root - 1) as usize * PAGE as usize..];
    assert_eq!(root[0], 5, "it has leaves");
    let cell = u16::from_be_bytes([root[14], root[15]]) as usize;
    let leaf = u32::from_be_bytes(root[cell..cell + 4].try_into().unwrap());
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.write_all_at(&[0xAA; 64], (u64::from(leaf) - 1) * PAGE).unwrap();
    let spool = open(directory.path());
    assert_eq!(drained(&spool).0.len(), 1000);
    let left = spool.take_identities().len();
    assert!((700..1000).contains(&left), "{left} are left");
    spool.salvage();
    eventually("salvaged", || {
        directory.path().join("spool.db.damaged-1").exists() && spool.usage().is_accepting
    });
    spool.close();
    assert!(open(directory.path()).take_identities().len() >= left);
}

/// Appends 1500 rows of one page each, and damages the pages of some. There is a gap in the ids before row 1300.
fn with_torn_rows(directory: &Path, is_torn: impl Fn(u16) -> bool) {
    for rows in [0..1300, 1300..1500] {
        let entries = rows.map(|n| entry("calls", large_payload(n).as_bytes())).collect();
        append(&open(directory), entries, None).unwrap();
        Spool::change_from_outside(directory, "UPDATE sqlite_sequence SET seq = 1000000");
    }
    let path = directory.join("spool.db");
    let bytes = std::fs::read(&path).unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    for (at, page) in bytes.chunks(PAGE as usize).enumerate().filter(|(_, page)| page[0] == 0x0d) {
        let row = page.windows(9).find_map(|part| part.strip_prefix(b"row-")?.strip_suffix(b"-"));
        let row = row.and_then(|row| std::str::from_utf8(row).ok()?.parse().ok());
        if row.is_some_and(&is_torn) {
            file.write_all_at(&[0xAA; 64], at as u64 * PAGE).unwrap();
        }
    }
}

fn large_payload(n: u16) -> String {
    format!("row-{n:04}-").repeat(300)
}

#[test]
fn every_row_beside_damaged_pages_survives_the_salvage() {
    let damages: [fn(u16) -> bool; 4] = [
        |n| matches!(n, 101..=105 | 107..=115),
        |n| matches!(n, 200..=1100 | 1102..=1150),
        |n| matches!(n, 1290..=1305),
        |n| matches!(n, 0 | 1499),
    ];
    for (case, is_torn) in damages.into_iter().enumerate() {
        let directory = TempDir::new().unwrap();
        with_torn_rows(directory.path(), is_torn);
        let (found, damaged) = drained(&open(directory.path()));
        let saved: BTreeSet<_> = found.iter().map(|row| row.payload.clone()).collect();
        let lost = (0..1500).filter(|n| !is_torn(*n) && !saved.contains(large_payload(*n).as_bytes()));
        assert_eq!(lost.collect::<Vec<_>>(), [0; 0], "case {case}: readable, and not saved");
        assert_eq!(found.len() as u64 + damaged, 1500, "case {case}");
    }
}

#[test]
fn rows_in_the_log_survive_the_salvage() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    append(&spool, vec![entry("calls", b"in the log")], None).unwrap();
    let generation = 0;
    spool.shared.queue.push(job_queue::SpoolJob::Salvage { generation, proven: true });
    eventually("salvaged", || {
        directory.path().join("spool.db.damaged-1").exists() && spool.usage().is_accepting
    });
    assert_eq!(rows(&spool, "calls").len(), 1);
    assert_eq!(spool.usage().totals.damaged, 0);
}

#[test]
fn torn_log_keeps_the_rows_before_the_tear() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    append(&spool, vec![entry("calls", b"one")], None).unwrap();
    let whole = std::fs::metadata(directory.path().join("spool.db-wal")).unwrap().len();
    append(&spool, vec![entry("calls", b"two")], None).unwrap();
    let copy = crashed(directory.path());
    let log = std::fs::File::options().write(true).open(copy.path().join("spool.db-wal")).unwrap();
    log.set_len(whole + 1000).unwrap();
    assert_eq!(rows(&open(copy.path()), "calls").len(), 1);
}

#[test]
fn interrupted_salvage_is_completed() {
    let directory = TempDir::new().unwrap();
    filled(directory.path());
    let files = files::SpoolFiles::new(directory.path());
    std::fs::copy(files.database(), files.salvaged()).unwrap();
    std::fs::remove_file(files.database()).unwrap();
    assert_eq!(drained(&open(directory.path())).0.len(), 60);
}

#[test]
fn flipped_bit_in_the_sql_of_a_table_loses_no_row() {
    let directory = TempDir::new().unwrap();
    filled(directory.path());
    let path = directory.path().join("spool.db");
    let text = std::fs::read(&path).unwrap();
    let at = text.windows(16).position(|text| text == b"id INTEGER PRIMA").unwrap();
    flip(&path, at as u64 * 8 + 7);
    assert_eq!(drained(&open(directory.path())).0.len(), 60);
}

/// Neither a constraint nor a missing function is evidence of a damaged file.
#[test]
fn failed_statement_does_not_set_the_file_aside() {
    for fault in ["SELECT RAISE(ABORT, 'no')", "SELECT absent_function()"] {
        let directory = TempDir::new().unwrap();
        let spool = open(directory.path());
        append(&spool, vec![entry("calls", b"one")], None).unwrap();
        let sql = format!("CREATE TEMP TRIGGER t BEFORE INSERT ON main.record BEGIN {fault}; END");
        let (told, made) = mpsc::channel();
        spool.shared.queue.push(job_queue::SpoolJob::Run(Box::new(move |store| {
            store.connection.execute_batch(&sql).unwrap();
            told.send(()).unwrap();
        })));
        made.recv().unwrap();
        assert_eq!(append(&spool, vec![entry("calls", b"two")], None), Err(AppendError::Disk));
        eventually("is_accepting", || spool.usage().is_accepting);
        append(&spool, vec![entry("calls", b"two")], None).unwrap();
        assert_eq!(rows(&spool, "calls").len(), 2);
        assert!(!directory.path().join("spool.db.damaged-1").exists(), "{fault}");
    }
}

/// Parks `count` rows of one page each and returns their ids.
fn parked(directory: &Path, count: usize) -> Vec<RowId> {
    let spool = open(directory);
    let entries = (0..count).map(|n| entry("calls", format!("parked-{n}-").repeat(300).as_bytes())).collect();
    let ids = append(&spool, entries, None).unwrap();
    assert!(ids.iter().all(|id| park(&spool, *id)));
    append(&spool, vec![entry("calls", b"waiting")], None).unwrap();
    ids
}

#[test]
fn damaged_parked_row_is_counted_at_a_start_and_others_are_retried() {
    for harm in ["payload = NULL", "payload = x'00'", "lane = 77", "session = 'text'", "lane = NULL"] {
        let directory = TempDir::new().unwrap();
        let ids = parked(directory.path(), 3);
        let sql = format!("UPDATE parked SET {harm} WHERE id = {}", ids[1].0);
        Spool::change_from_outside(directory.path(), &sql);
        let spool = open(directory.path());
        let found: Vec<_> = rows(&spool, "calls").into_iter().map(|row| row.id).collect();
        assert_eq!(found, [ids[0], ids[2], RowId(4)], "{harm}");
        assert_eq!((spool.usage().totals.damaged, spool.usage().rows), (1, 3), "{harm}");
        let aside = Inspection::open(directory.path()).unwrap().set_aside().unwrap();
        assert_eq!((aside.damaged, aside.parked), (1, 0), "{harm}");
        drop(spool);
        // The row is counted once.
        assert_eq!(open(directory.path()).usage().totals.damaged, 0, "{harm}");
    }
}

#[test]
fn damaged_page_of_parked_rows_is_salvaged_at_a_start_and_counted() {
    let directory = TempDir::new().unwrap();
    let ids = parked(directory.path(), 40);
    let path = directory.path().join("spool.db");
    let bytes = std::fs::read(&path).unwrap();
    // Finds a leaf of the table: the first leaf page with such a row.
    let leaf = bytes
        .chunks(PAGE as usize)
        .position(|page| page[0] == 0x0d && page.windows(10).any(|part| part == b"parked-20-"));
    flip(&path, leaf.unwrap() as u64 * PAGE * 8 + 6);
    let spool = open(directory.path());
    let found = rows(&spool, "calls");
    let damaged = spool.usage().totals.damaged;
    assert!(damaged > 0);
    assert!(found.len() > ids.len() / 2, "{} found", found.len());
    assert_eq!(found.len() as u64 + damaged, ids.len() as u64 + 1);
    assert!(found.iter().any(|row| row.payload == "waiting"));
    assert!(found.iter().any(|row| row.payload.starts_with(b"parked-39-")));
    assert!(directory.path().join("spool.db.damaged-1").exists());
    drop(spool);
    assert_eq!(open(directory.path()).usage().totals.damaged, 0);
}

/// The update to the present version reads the damaged page.
#[test]
fn rows_of_an_older_version_survive_damage_at_the_update() {
    for (version, sql) in [(1, ""), (1, "VACUUM"), (2, ""), (2, "VACUUM")] {
        let directory = TempDir::new().unwrap();
        older_version(directory.path(), version);
        Spool::change_from_outside(directory.path(), sql);
        let path = directory.path().join("spool.db");
        let raw = rusqlite::Connection::open(&path).unwrap();
        let root = "SELECT rootpage FROM sqlite_master WHERE name = 'parked'";
        let root: u32 = raw.query_row(root, (), |row| row.get(0)).unwrap();
        raw.close().unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.write_all_at(&[0xff; 4096], u64::from(root - 1) * 4096).unwrap();
        let spool = open(directory.path());
        assert_eq!(rows(&spool, "calls").len(), 40, "{version} {sql}");
    }
}
