//! Random operations with crashes, compared with a model in memory.

use super::disk::recounts;
use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
enum Step {
    Append {
        lanes: Vec<u8>,
        size: usize,
        handed_over: bool,
        identity: Option<u8>,
    },
    Delete(usize),
    Replace(usize, u8),
    Park(usize),
    /// Append whose commit reports a failure, and whether the process ends then.
    Doubt {
        lanes: Vec<u8>,
        size: usize,
        identity: u8,
        crash: bool,
    },
    /// Removal of all files by another process, and whether it happens during an append's commit.
    Remove {
        during: Option<(Vec<u8>, usize, u8)>,
    },
    RemoveDuringPark(usize),
    /// Copy of all rows into a new file.
    Salvage,
    /// Another process rewrites the file without its free pages.
    Vacuum,
    /// Spool that is filled up, and whose new rows are replaced by dead letters of this size and more.
    Fill(usize),
    Crash,
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    let lanes = || prop::collection::vec(0..3_u8, 1..4);
    prop_oneof![
        5 => (lanes(), 0..9000_usize, any::<bool>(), prop::option::of(0..5_u8)).prop_map(
            |(lanes, size, handed_over, identity)| Step::Append { lanes, size, handed_over, identity }
        ),
        3 => any::<usize>().prop_map(Step::Delete),
        1 => (any::<usize>(), 0..3_u8).prop_map(|(row, lane)| Step::Replace(row, lane)),
        1 => any::<usize>().prop_map(Step::Park),
        1 => (lanes(), 0..9000_usize, 0..5_u8, any::<bool>())
            .prop_map(|(lanes, size, identity, crash)| Step::Doubt { lanes, size, identity, crash }),
        1 => prop::option::of((lanes(), 0..9000_usize, 0..5_u8)).prop_map(|during| Step::Remove { during }),
        1 => any::<usize>().prop_map(Step::RemoveDuringPark),
        1 => Just(Step::Salvage),
        1 => Just(Step::Vacuum),
        1 => (20_000..200_000_usize).prop_map(Step::Fill),
        2 => Just(Step::Crash),
        1 => Just(Step::Close),
    ]
}

#[derive(Default)]
struct Model {
    rows: BTreeMap<RowId, (u8, bool, Vec<u8>)>,
    identities: Vec<u8>,
    parked: BTreeMap<RowId, (u8, bool, Vec<u8>)>,
    made: u64,
    /// Last row that was appended.
    last: RowId,
}

impl Model {
    fn pick(&self, any: usize) -> Option<RowId> {
        (!self.rows.is_empty()).then(|| *self.rows.keys().nth(any % self.rows.len()).unwrap())
    }

    fn payload(&mut self, size: usize) -> Vec<u8> {
        self.made += 1;
        [self.made.to_le_bytes().as_slice(), &vec![7; size]].concat()
    }

    /// Adopts the rows of a refused append: either all of them or none exist. Returns their ids.
    fn adopt(&mut self, spool: &Spool, lanes: &[u8], payload: &[u8], identity: u8) -> Vec<RowId> {
        let known = self.rows.keys().next_back().copied().unwrap_or_default().max(self.last);
        let mut found = BTreeMap::new();
        for lane in 0..3 {
            let rows = rows(spool, &name(lane)).into_iter().filter(|row| row.id > known);
            found.extend(rows.map(|row| (row.id, (lane, row.handed_over, row.payload.to_vec()))));
        }
        if !found.is_empty() {
            assert!(found.values().map(|row| row.0).eq(lanes.iter().copied()));
            assert!(found.values().all(|row| row.2 == payload));
            self.identities.push(identity);
        }
        let ids = found.keys().copied().collect();
        self.rows.append(&mut found);
        ids
    }

    /// Returns the rows by lane: lane, first row, last row, number.
    fn by_lane(&self, ids: &[RowId]) -> Vec<(String, RowId, RowId, u64)> {
        let of = |lane| ids.iter().copied().filter(move |id| self.rows[id].0 == lane);
        let lanes = (0..3)
            .filter_map(|lane| Some((name(lane), of(lane).min()?, of(lane).max()?, of(lane).count() as u64)));
        lanes.collect()
    }

    fn agree(&self, spool: &Spool, directory: &Path) {
        settle(spool);
        for lane in 0..3 {
            let expected = self.rows.iter().filter(|(_, row)| row.0 == lane);
            let expected: Vec<Row> = expected
                .map(|(id, row)| Row { id: *id, handed_over: row.1, payload: row.2.clone().into() })
                .collect();
            let mut found = Vec::new();
            while let page @ [_, ..] = &spool
                .read(&name(lane), found.last().map_or(RowId(0), |row: &Row| row.id), 3, 10_000)
                .unwrap()
                .rows[..]
            {
                found.extend_from_slice(page);
            }
            assert_eq!(found, expected);
        }
        let lanes = Inspection::open(directory).unwrap().lanes().unwrap();
        let bytes: usize = self.rows.values().map(|row| row.2.len() + 64).sum();
        assert_eq!(lanes.iter().map(|lane| lane.rows).sum::<u64>(), self.rows.len() as u64);
        assert_eq!(lanes.iter().map(|lane| lane.bytes).sum::<u64>(), bytes as u64);
        assert_eq!(spool.usage().rows, self.rows.len() as u64);
        assert_eq!(spool.usage().totals.damaged, 0);
        assert_eq!(
            Inspection::open(directory).unwrap().set_aside().unwrap().parked,
            self.parked.len() as u64
        );
        let raw = rusqlite::Connection::open(directory.join("spool.db")).unwrap();
        let sql = "SELECT coalesce(sum(parked_rows), 0), coalesce(sum(parked_bytes), 0) FROM lane";
        let parked: (i64, i64) = raw.query_row(sql, (), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let bytes: usize = self.parked.values().map(|row| row.2.len() + 64).sum();
        assert_eq!(parked, (self.parked.len() as i64, bytes as i64));
        for identity in 0..5 {
            assert_eq!(knows(spool, &[identity; 16]), self.identities.contains(&identity));
        }
    }
}

/// Returns all rows of late commits, as [`Model::by_lane`] does.
fn counted(found: &[LateCommit]) -> Vec<(String, RowId, RowId, u64)> {
    let rows = found.iter().flat_map(|found| &found.rows);
    let mut lanes: Vec<_> =
        rows.map(|rows| (rows.lane.to_string(), rows.first, rows.last, rows.count)).collect();
    lanes.sort();
    lanes
}

fn remove_files(directory: &Path) {
    for file in std::fs::read_dir(directory).unwrap() {
        // SQLite may delete a file meanwhile.
        drop(std::fs::remove_file(file.unwrap().path()));
    }
}

/// Waits until the spool has repaired its files.
fn repaired(spool: &Spool) {
    settle(spool);
    eventually("is_accepting", || spool.usage().is_accepting);
}

/// Opens a spool with a small reserve, which each crash writes anew.
fn reopen(directory: &Path) -> Arc<Spool> {
    Spool::open(directory, &config(8 * MIB), 1000).unwrap()
}

fn name(lane: u8) -> String {
    format!("lane-{lane}")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_was_acknowledged_is_there_and_nothing_else(steps in prop::collection::vec(step(), 1..30)) {
        let mut directory = TempDir::new().unwrap();
        let mut spool = reopen(directory.path());
        let mut found = recounts(&spool);
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Append { lanes, size, handed_over, identity } => {
                    let payload = model.payload(size);
                    let entries = lanes.iter()
                        .map(|lane| SpoolEntry { handed_over, ..entry(&name(*lane), &payload) }).collect();
                    let ids = append(&spool, entries, identity.map(|one| [one; 16])).unwrap();
                    prop_assert!(model.rows.keys().next_back().is_none_or(|last| last < &ids[0]));
                    for (id, lane) in ids.iter().zip(lanes) {
                        model.rows.insert(*id, (lane, handed_over, payload.clone()));
                    }
                    model.identities.extend(identity);
                    model.last = *ids.last().unwrap();
                }
                Step::Doubt { lanes, size, identity, crash } => {
                    let payload = model.payload(size);
                    let entries = lanes.iter().map(|lane| entry(&name(*lane), &payload)).collect();
                    settle(&spool);
                    found.lock().clear();
                    spool.fail_next_commit();
                    prop_assert_eq!(append(&spool, entries, Some([identity; 16])), Err(AppendError::Disk));
                    if crash {
                        let copy = crashed(directory.path());
                        spool.close();
                        directory = copy;
                        spool = reopen(directory.path());
                        found = recounts(&spool);
                        model.rows.append(&mut model.parked);
                        model.rows.values_mut().for_each(|row| row.1 = false);
                        prop_assert_eq!(model.adopt(&spool, &lanes, &payload, identity).len(), lanes.len());
                    } else {
                        eventually("is_accepting", || spool.usage().is_accepting);
                        let counted = counted(&found.lock());
                        let there = model.adopt(&spool, &lanes, &payload, identity);
                        prop_assert_eq!(there.len(), lanes.len());
                        prop_assert_eq!(counted, model.by_lane(&there));
                    }
                }
                Step::Delete(any) => if let Some(id) = model.pick(any) {
                    spool.delete(vec![id, id, RowId(i64::MAX)]);
                    model.rows.remove(&id);
                },
                Step::Replace(any, lane) => if let Some(id) = model.pick(any) {
                    let payload = model.payload(10);
                    let ids = replace(&spool, id, entry(&name(lane), &payload)).unwrap();
                    model.last = ids[0];
                    model.rows.remove(&id);
                    model.rows.insert(ids[0], (lane, false, payload));
                },
                Step::Park(any) => if let Some(id) = model.pick(any) {
                    prop_assert!(park(&spool, id) && park(&spool, id));
                    let row = model.rows.remove(&id).unwrap();
                    model.parked.insert(id, row);
                },
                Step::Remove { during: None } => {
                    settle(&spool);
                    remove_files(directory.path());
                    settle(&spool);
                    // The copy may be incomplete, in use, or neither.
                    remove_files(directory.path());
                    repaired(&spool);
                }
                Step::Remove { during: Some((lanes, size, identity)) } => {
                    let payload = model.payload(size);
                    let entries = lanes.iter().map(|lane| entry(&name(*lane), &payload)).collect();
                    settle(&spool);
                    found.lock().clear();
                    let path = directory.path().to_path_buf();
                    *spool.shared.commit_interference.lock() = Some(Box::new(move || remove_files(&path)));
                    prop_assert_eq!(append(&spool, entries, Some([identity; 16])), Err(AppendError::Disk));
                    repaired(&spool);
                    let counted = counted(&found.lock());
                    let there = model.adopt(&spool, &lanes, &payload, identity);
                    prop_assert_eq!(counted, model.by_lane(&there));
                }
                Step::RemoveDuringPark(any) => if let Some(id) = model.pick(any) {
                    settle(&spool);
                    let path = directory.path().to_path_buf();
                    *spool.shared.commit_interference.lock() = Some(Box::new(move || remove_files(&path)));
                    prop_assert!(!park(&spool, id));
                    repaired(&spool);
                    prop_assert!(park(&spool, id), "neither waiting nor parked");
                    let row = model.rows.remove(&id).unwrap();
                    model.parked.insert(id, row);
                },
                Step::Salvage => {
                    spool.salvage();
                    repaired(&spool);
                }
                Step::Vacuum => {
                    settle(&spool);
                    Spool::change_from_outside(directory.path(), "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
                    repaired(&spool);
                }
                Step::Fill(size) => {
                    let mut filling = Vec::new();
                    let refused = loop {
                        match append(&spool, vec![entry("full", &vec![7; size])], None) {
                            Ok(ids) => filling.extend(ids),
                            Err(refused) => break refused,
                        }
                    };
                    prop_assert_eq!(refused, AppendError::Full);
                    while let Some(row) = filling.pop() {
                        let letter = replace(&spool, row, entry("full", &vec![7; size + 400])).unwrap();
                        model.last = letter[0];
                        spool.delete(letter);
                    }
                }
                Step::Crash | Step::Close => {
                    settle(&spool);
                    let copy = crashed(directory.path());
                    spool.close();
                    if matches!(step, Step::Crash) {
                        directory = copy;
                    }
                    spool = reopen(directory.path());
                    found = recounts(&spool);
                    // Rows that were set aside are retried.
                    model.rows.append(&mut model.parked);
                    model.rows.values_mut().for_each(|row| row.1 = false);
                }
            }
        }
        model.agree(&spool, directory.path());
        prop_assert_eq!(spool.close(), 0);
    }
}
