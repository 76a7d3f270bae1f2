use super::*;

fn fill(spool: &Spool) -> Vec<RowId> {
    let mut ids = Vec::new();
    loop {
        match append(spool, vec![entry("calls", &[7; 20_000])], None) {
            Ok(more) => ids.extend(more),
            Err(refused) => {
                assert_eq!(refused, AppendError::Full);
                return ids;
            }
        }
    }
}

/// The length of the log is recorded by each commit, and not read again.
#[test]
fn usage_has_the_length_of_the_log() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    for size in [10, 100_000] {
        append(&spool, vec![entry("calls", &vec![7; size])], None).unwrap();
        let log = std::fs::metadata(directory.path().join("spool.db-wal")).unwrap().len();
        settle(&spool);
        assert!(spool.usage().bytes > log && log > size as u64);
    }
    eventually("tidied", || spool.usage().bytes == on_disk(directory.path()));
}

fn on_disk(directory: &Path) -> u64 {
    let bytes = |name: &str| std::fs::metadata(directory.join(name)).map_or(0, |found| found.len());
    bytes("spool.db") + bytes("spool.db-wal")
}

#[test]
fn full_spool_refuses_until_rows_are_deleted() {
    let directory = TempDir::new().unwrap();
    let spool = Spool::open(directory.path(), &config(2 * MIB), 1000).unwrap();
    let ids = fill(&spool);
    assert!(on_disk(directory.path()) <= 2 * MIB, "the log counts too");
    assert!(ids.len() as u64 * 20_000 > MIB, "only {} rows fit", ids.len());
    spool.delete(ids.clone());
    settle(&spool);
    assert!(fill(&spool).len().abs_diff(ids.len()) <= 5);
}

#[test]
fn append_that_does_not_fit_is_refused_alone() {
    let directory = TempDir::new().unwrap();
    let spool = Spool::open(directory.path(), &config(MIB), 1000).unwrap();
    assert_eq!(append(&spool, vec![entry("calls", &[7; 600_000])], Some([1; 16])), Err(AppendError::Full));
    assert!(!knows(&spool, &[1; 16]));
    assert!(append(&spool, vec![entry("calls", b"one")], None).is_ok());
    assert_eq!(spool.usage().totals, Totals { appended: 1, refused: 1, ..Totals::default() });
}

#[test]
fn lane_has_its_share_and_its_own_limit() {
    let directory = TempDir::new().unwrap();
    let spool = Spool::open(directory.path(), &Config { max_lane_share: 10, ..config(MIB) }, 1000).unwrap();
    let big = || entry("calls", &[7; 60_000]);
    assert_eq!(append(&spool, vec![big(), big()], None), Err(AppendError::LaneFull));
    assert!(append(&spool, vec![big()], None).is_ok());
    assert_eq!(append(&spool, vec![big()], None), Err(AppendError::LaneFull));
    let own = |size| SpoolEntry { max_lane_bytes: Some(1000), ..entry("dead", &vec![7; size]) };
    assert_eq!(append(&spool, vec![own(937)], None), Err(AppendError::LaneFull));
    assert!(append(&spool, vec![own(936)], None).is_ok());
}

/// Appends events and deletes their rows, so that only their identities remain.
fn spool_and_drain(spool: &Spool, events: u32) {
    let mut left = events;
    while left > 0 {
        let (told, outcome) = mpsc::channel();
        let some = left.min(500);
        for n in 0..some {
            let mut identity = [0; 16];
            identity[..4].copy_from_slice(&(left - n).wrapping_mul(2_654_435_761).to_be_bytes());
            let told = told.clone();
            let done: Completion = Box::new(move |ids| told.send(ids.unwrap()[0]).unwrap());
            let entries = vec![entry("calls", b"one")];
            spool.append(Append { entries, identity: Some(identity), done });
        }
        spool.delete((0..some).map(|_| outcome.recv().unwrap()).collect());
        left -= some;
    }
    settle(spool);
}

#[test]
fn identities_do_not_fill_the_spool() {
    let directory = TempDir::new().unwrap();
    let spool = Spool::open(directory.path(), &config(3 * MIB), 1_000_000).unwrap();
    let log = directory.path().join("spool.db-wal");
    let is_tidy = || {
        let usage = spool.usage();
        std::fs::metadata(&log).unwrap().len() == 0 && usage.bytes == on_disk(directory.path())
    };
    eventually("tidied", is_tidy);
    let empty = spool.usage().bytes;
    spool_and_drain(&spool, 40_000);
    eventually("tidied", is_tidy);
    let usage = spool.usage();
    assert_eq!((usage.rows, usage.is_accepting), (0, true));
    let kept = identities(directory.path()).len() as u64;
    assert!(kept > 5_500, "only {kept} are kept");
    assert!(usage.bytes - empty <= 3 * MIB / 16 + 8192, "{} bytes", usage.bytes - empty);
}

/// The identities are from a larger spool, or a larger limit. They are more than two transactions forget.
#[test]
fn identities_beyond_a_new_limit_are_forgotten_without_an_append() {
    for (max_bytes, limit) in [(MIB, 1_000_000), (64 * MIB, 100)] {
        let directory = TempDir::new().unwrap();
        let spool = Spool::open(directory.path(), &config(64 * MIB), 1_000_000).unwrap();
        spool_and_drain(&spool, 12_000);
        spool.close();
        assert_eq!(identities(directory.path()).len(), 12_000);
        let spool = Spool::open(directory.path(), &config(max_bytes), limit).unwrap();
        eventually("forgotten", || identities(directory.path()).len() < 2000);
        eventually("is_accepting", || spool.usage().is_accepting);
        assert_eq!(spool.take_identities().len(), identities(directory.path()).len());
        append(&spool, vec![entry("calls", &[7; 100_000])], Some([1; 16])).unwrap();
    }
}

#[test]
fn space_is_returned_to_the_disk_after_a_drain() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    // More pages than one step frees.
    let ids = append(&spool, (0..120).map(|_| entry("calls", &[7; 20_000])).collect(), None).unwrap();
    assert!(on_disk(directory.path()) > 2_400_000);
    spool.delete(ids);
    eventually("small again", || on_disk(directory.path()) < 200_000);
    assert!(spool.usage().bytes < 200_000);
}

/// A topic of dead letters that refuses them must not let them fill the spool.
#[test]
fn parked_rows_stay_in_the_account_of_their_lane() {
    let directory = TempDir::new().unwrap();
    let mut spool = open(directory.path());
    let letter = || SpoolEntry { max_lane_bytes: Some(1000), ..entry("dead", &[7; 400]) };
    for _ in 0..2 {
        let ids = append(&spool, vec![letter()], None).unwrap();
        assert!(park(&spool, ids[0]) && park(&spool, ids[0]));
    }
    assert_eq!(append(&spool, vec![letter()], None), Err(AppendError::LaneFull));
    spool.salvage();
    eventually("salvaged", || directory.path().join("spool.db.damaged-1").exists());
    eventually("is_accepting", || spool.usage().is_accepting);
    assert_eq!(append(&spool, vec![letter()], None), Err(AppendError::LaneFull));
    // They wait again after a start.
    drop(spool);
    spool = open(directory.path());
    assert_eq!(append(&spool, vec![letter()], None), Err(AppendError::LaneFull));
    spool.delete(rows(&spool, "dead").iter().map(|row| row.id).collect());
    settle(&spool);
    assert!(append(&spool, vec![letter()], None).is_ok());
}

/// Kafka refuses every row for good, and each becomes a slightly larger dead letter.
#[test]
fn rows_of_a_full_spool_can_be_replaced() {
    for size in [300, 200_000] {
        let directory = TempDir::new().unwrap();
        let spool = Spool::open(directory.path(), &config(4 * MIB), 1000).unwrap();
        let mut waiting = Vec::new();
        loop {
            match append(
                &spool,
                (0..1 + 40_000 / size).map(|_| entry("calls", &vec![7; size])).collect(),
                None,
            ) {
                Ok(ids) => waiting.extend(ids),
                Err(refused) => break assert_eq!(refused, AppendError::Full),
            }
        }
        let mut left = waiting.len();
        while let Some(row) = waiting.pop() {
            let letter = replace(&spool, row, entry("dead", &vec![7; size + 400]));
            let letter =
                letter.unwrap_or_else(|refused| panic!("{refused}: {left} of {size} bytes are left"));
            left -= 1;
            spool.delete(letter);
        }
        settle(&spool);
        assert_eq!(spool.usage().rows, 0);
    }
}
