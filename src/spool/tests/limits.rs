use super::*;

fn fill(spool: &Spool) -> Vec<RowId> {
    let mut ids = Vec::new();
    loop {
        match append(spool, vec![entry("calls", &[7; 20_000])], None) {
            Ok(more) => ids.extend(more),
            Err(refused) => {
                assert_eq!(refused, Refused::Full);
                return ids;
            }
        }
    }
}

fn on_disk(directory: &Path) -> u64 {
    let bytes = |name: &str| std::fs::metadata(directory.join(name)).map_or(0, |found| found.len());
    bytes("spool.db") + bytes("spool.db-wal")
}

#[test]
fn a_full_spool_refuses_until_rows_are_deleted() {
    let directory = TempDir::new().unwrap();
    let spool = Spool::open(directory.path(), &config(2 * MIB)).unwrap();
    let ids = fill(&spool);
    assert!(on_disk(directory.path()) <= 2 * MIB, "the log counts too");
    assert!(ids.len() as u64 * 20_000 > MIB, "only {} rows fit", ids.len());
    spool.delete(ids.clone());
    settle(&spool);
    assert!(fill(&spool).len().abs_diff(ids.len()) <= 5);
}

#[test]
fn one_append_that_does_not_fit_is_refused_alone() {
    let directory = TempDir::new().unwrap();
    let spool = Spool::open(directory.path(), &config(MIB)).unwrap();
    assert_eq!(append(&spool, vec![entry("calls", &[7; 600_000])], Some([1; 24])), Err(Refused::Full));
    assert!(!spool.knows(&[1; 24], 0));
    assert!(append(&spool, vec![entry("calls", b"one")], None).is_ok());
    assert_eq!(spool.usage().totals, Totals { appended: 1, refused: 1, ..Totals::default() });
}

#[test]
fn a_lane_has_its_share_and_its_own_limit() {
    let directory = TempDir::new().unwrap();
    let spool = Spool::open(directory.path(), &Config { max_lane_share: 10, ..config(MIB) }).unwrap();
    let big = || entry("calls", &[7; 60_000]);
    assert_eq!(append(&spool, vec![big(), big()], None), Err(Refused::LaneFull));
    assert!(append(&spool, vec![big()], None).is_ok());
    assert_eq!(append(&spool, vec![big()], None), Err(Refused::LaneFull));
    let own = |size| Entry { max_lane_bytes: Some(1000), ..entry("dead", &vec![7; size]) };
    assert_eq!(append(&spool, vec![own(937)], None), Err(Refused::LaneFull));
    assert!(append(&spool, vec![own(936)], None).is_ok());
}

#[test]
fn space_goes_back_to_the_disk_after_a_drain() {
    let directory = TempDir::new().unwrap();
    let spool = open(directory.path());
    let ids = append(&spool, (0..400).map(|_| entry("calls", &[7; 20_000])).collect(), None).unwrap();
    assert!(on_disk(directory.path()) > 8_000_000);
    spool.delete(ids);
    eventually("small again", || on_disk(directory.path()) < 200_000);
    assert!(spool.usage().bytes < 200_000);
}
