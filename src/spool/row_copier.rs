//! Copy of the readable rows of a damaged database into a new one.

use super::known_state::{KnownState, max_rows_in};
use super::lane_account::{LaneAccount, lanes};
use super::limits::row_bytes;
use super::schema::{PAGE_BYTES, SpoolFault, pragma};
use super::store::SpoolStore;
use super::store_transaction::StoreTransaction;
use super::stored_row::{StoredRow, checksum, stored_row};
use rusqlite::{Connection, Row};
use std::collections::HashMap;
use std::sync::Arc;

/// Ids of an unreadable range that are tried one by one. Then the steps grow with the range.
const SINGLE_STEPS: i64 = 4096;
/// A larger gap between row ids is damage.
const MAX_ID_GAP: i64 = 1 << 40;
/// Payload bytes in one transaction of a copy.
const COPY_BYTES: u64 = 4 * 1024 * 1024;

pub(super) struct CopiedRows {
    pub(super) saved: u64,
    pub(super) lost: u64,
    /// Delivered rows are not copied.
    pub(super) delivered: u64,
}

pub(super) struct RowCopier<'a> {
    damaged: &'a Connection,
    known: &'a KnownState,
    /// Candidates for the name of a lane number. A row's checksum decides.
    names: Vec<(i64, Arc<str>)>,
    /// Intact rows, without those of a commit that failed.
    found: HashMap<Arc<str>, u64>,
    saved: u64,
    delivered: u64,
    pending: u64,
    parked: u64,
    unreadable: u64,
    session: i64,
}

impl<'a> RowCopier<'a> {
    pub(super) fn new(damaged: &'a Connection, known: &'a KnownState) -> Self {
        let mut names: Vec<_> = known.lanes.iter().map(|lane| (lane.id, lane.name.clone())).collect();
        for source in ["lane NOT INDEXED", "lane INDEXED BY sqlite_autoindex_lane_1"] {
            names.extend(names_in(damaged, source));
        }
        names.sort();
        names.dedup();
        let (found, session) = (HashMap::new(), known.session);
        Self {
            damaged,
            known,
            names,
            found,
            saved: 0,
            delivered: 0,
            pending: 0,
            parked: 0,
            unreadable: 0,
            session,
        }
    }

    pub(super) fn copy_into(mut self, salvage: &mut SpoolStore) -> Result<CopiedRows, SpoolFault> {
        let mut last = 0;
        let mut change = salvage.begin()?;
        let damaged = self.damaged;
        walk(damaged, "record", ROW, stored_row, |id, row| {
            last = id;
            self.copy(&mut change, row)
        })?;
        // Counted when they were found.
        walk(damaged, "damaged", ROW, stored_row, |_, row| self.keep(&mut change, "damaged", row))?;
        self.unreadable = walk(damaged, "parked", ROW, stored_row, |_, row| {
            self.parked += 1;
            self.keep(&mut change, "parked", row)
        })?;
        let identity = |row: &Row<'_>| Ok((row.get(1)?, row.get(2)?));
        walk(damaged, "remembered", "id, identity, at", identity, |id, (identity, at)| {
            Ok(change.remember_as(id, &identity, at)?)
        })?;
        let used = self.last_id(last);
        change.start_after(used, self.session)?;
        let accounts = change.commit()?;
        salvage.adopt(accounts);
        Ok(CopiedRows { saved: self.saved, lost: self.lost(), delivered: self.delivered })
    }

    /// Copies an intact row into its lane, and any other into `damaged`.
    fn copy(&mut self, change: &mut StoreTransaction<'_>, row: StoredRow) -> Result<(), SpoolFault> {
        let Some(name) = self.name_of(&row) else {
            return Ok(change.keep("damaged", &row)?);
        };
        if row.id <= self.last_known() {
            *self.found.entry(name.clone()).or_default() += 1;
        }
        self.session = self.session.max(row.session);
        if self.known.delivered.contains(&row.id) {
            self.delivered += 1;
            return Ok(());
        }
        self.saved += 1;
        self.pending += row_bytes(row.payload.len());
        change.copy(&name, row)?;
        if self.pending > COPY_BYTES {
            self.pending = 0;
            change.flush()?;
        }
        Ok(())
    }

    fn keep(
        &self,
        change: &mut StoreTransaction<'_>,
        table: &str,
        mut row: StoredRow,
    ) -> Result<(), SpoolFault> {
        if let Some(name) = self.name_of(&row) {
            let lane = change.lane(&name)?;
            // Lane numbers differ in the new file.
            row.lane = lane.id;
            if table == "parked" {
                lane.park(row.payload.len());
            }
        }
        Ok(change.keep(table, &row)?)
    }

    /// `None`: the row is damaged.
    fn name_of(&self, row: &StoredRow) -> Option<Arc<str>> {
        let is_complete =
            |name: &str| checksum(row.id, name, row.appended_at, row.session, &row.payload) == row.checksum;
        let found = self.names.iter().find(|(lane, name)| *lane == row.lane && is_complete(name));
        found.map(|(_, name)| Arc::clone(name))
    }

    fn last_known(&self) -> i64 {
        if self.known.session == 0 { i64::MAX } else { self.known.last_id }
    }

    fn last_id(&self, last_row: i64) -> i64 {
        let least = last_row.max(self.known.last_id);
        let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'record'";
        let recorded = self.damaged.query_row(sql, (), |row| row.get::<_, i64>(0)).unwrap_or(least);
        if recorded > least && recorded - least < MAX_ID_GAP { recorded } else { least }
    }

    /// Returns plausible accounts. `None`: they are unreadable.
    fn accounts(&self) -> Option<Vec<LaneAccount>> {
        let max = self.max_rows();
        // The accounts in the file may include a commit that failed.
        if self.known.session != 0 {
            return Some(self.known.plausible(max).cloned().collect());
        }
        let mut found = lanes(self.damaged).ok()?;
        found.retain(|lane| lane.rows <= max);
        Some(found)
    }

    /// Returns the bytes that a copy needs: those of the pages in use, without delivered rows.
    pub(super) fn bytes(&self) -> u64 {
        let accounts = self.accounts().unwrap_or_default();
        let rows: u64 = accounts.iter().map(|lane| lane.rows).sum();
        let bytes: u64 = accounts.iter().map(|lane| lane.bytes).sum();
        let used = self
            .pragma("page_count")
            .saturating_sub(self.pragma("freelist_count"))
            .saturating_mul(PAGE_BYTES);
        let delivered = rows.min(self.known.delivered.len() as u64);
        let not_copied = u128::from(bytes) * u128::from(delivered) / u128::from(rows.max(1));
        bytes.max(used).saturating_sub(u64::try_from(not_copied).unwrap_or(u64::MAX))
    }

    fn pragma(&self, name: &str) -> u64 {
        pragma(self.damaged, name).unwrap_or(0)
    }

    /// Returns the number of rows that the index or the accounts count and that were not found.
    fn lost(&self) -> u64 {
        let mut expected: HashMap<Arc<str>, u64> = HashMap::new();
        for lane in self.accounts().unwrap_or_default() {
            expected.insert(lane.name, lane.rows);
        }
        for (lane, rows) in self.indexed() {
            if let Some((_, name)) = self.names.iter().find(|(id, _)| *id == lane) {
                let expected = expected.entry(name.clone()).or_default();
                *expected = rows.max(*expected);
            }
        }
        let found = |lane| self.found.get(lane).copied().unwrap_or(0);
        let lost: u64 = expected.iter().map(|(lane, rows)| rows.saturating_sub(found(lane))).sum();
        // A delivered row that is not in the file was deleted.
        let deleted = (self.known.delivered.len() as u64).saturating_sub(self.delivered);
        // Without accounts, an unreadable range counts as one row.
        let known = self.parked_rows().unwrap_or(self.parked + self.unreadable);
        // A commit of this process that failed may have parked a row that the accounts count in its lane.
        let moved = if self.known.session == 0 { 0 } else { self.parked.saturating_sub(known) };
        lost.saturating_sub(deleted + moved) + known.saturating_sub(self.parked)
    }

    /// `None`: the accounts are unreadable.
    fn parked_rows(&self) -> Option<u64> {
        let max = self.max_rows();
        Some(self.accounts()?.iter().map(|lane| lane.parked_rows).filter(|rows| *rows <= max).sum())
    }

    fn max_rows(&self) -> u64 {
        max_rows_in(self.pragma("page_count").saturating_mul(PAGE_BYTES))
    }

    fn indexed(&self) -> Vec<(i64, u64)> {
        let count = || {
            let sql = "SELECT lane, count(*) FROM record INDEXED BY record_lane WHERE id <= ?1 GROUP BY lane";
            let mut statement = self.damaged.prepare(sql)?;
            let counts = statement
                .query_map([self.last_known()], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?;
            counts.collect::<rusqlite::Result<Vec<_>>>()
        };
        count().unwrap_or_default()
    }
}

fn names_in(damaged: &Connection, source: &str) -> Vec<(i64, Arc<str>)> {
    let mut found = Vec::new();
    let Ok(mut statement) = damaged.prepare(&format!("SELECT id, name FROM {source}")) else { return found };
    let Ok(mut rows) = statement.query(()) else { return found };
    while let Ok(Some(row)) = rows.next() {
        if let (Ok(id), Ok(name)) = (row.get(0), row.get::<_, String>(1)) {
            found.push((id, name.into()));
        }
    }
    found
}

const ROW: &str = "id, lane, appended_at, session, checksum, payload";

/// Visits the readable rows of a table by id, its first column. Returns the number of unreadable ranges. Far
/// into such a range it skips ids, and goes back to those of the last step when it finds a row.
fn walk<T>(
    damaged: &Connection,
    table: &str,
    columns: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    mut visit: impl FnMut(i64, T) -> Result<(), SpoolFault>,
) -> Result<u64, SpoolFault> {
    let sql = format!("SELECT {columns} FROM {table} NOT INDEXED WHERE id >= ?1 ORDER BY id");
    let with_id = |row: &Row<'_>| Ok((row.get(0)?, read(row)?));
    let Ok(mut statement) = damaged.prepare(&sql) else { return Ok(1) };
    // The ids from `bad_from` to `after` are unreadable; the last `step` of them were tried as one.
    let (mut after, mut bad_from, mut step, mut unreadable) = (0_i64, 0_i64, 0_i64, 0);
    loop {
        // Not `id > after`, for which SQLite would read the page of `after` too.
        let mut rows = statement.query([after.saturating_add(1)])?;
        loop {
            match rows.next().and_then(|row| row.map(with_id).transpose()) {
                Ok(found) if step > 1 && found.as_ref().is_none_or(|(id, _)| *id > after) => {
                    after -= step;
                    (bad_from, step) = (after, 1);
                    break;
                }
                Ok(None) => return Ok(unreadable),
                Ok(Some((id, row))) if id > after => {
                    (after, bad_from, step) = (id, id, 0);
                    visit(id, row)?;
                }
                Ok(Some(_)) | Err(_) => {
                    unreadable += u64::from(step == 0);
                    step = 1 + (after - bad_from) / SINGLE_STEPS;
                    let next = after.checked_add(step).filter(|next| next - bad_from < MAX_ID_GAP);
                    let Some(next) = next else { return Ok(unreadable) };
                    after = next;
                    break;
                }
            }
        }
    }
}
