//! Salvage of a damaged file.
//!
//! The copy is complete, with a name of its own, before the damaged file is replaced, so a crash in between
//! loses nothing. The log of the damaged file is read and kept with it.

use super::file_swap::{complete_swap, set_orphan_log_aside, swap_in};
use super::files::SpoolFiles;
use super::schema::{DatabaseAccess, MIGRATIONS, SpoolFault, is_full};
use super::store::{LaneAccount, SpoolStore, StoreTransaction, StoredRow, checksum, lanes, stored_row};
use rusqlite::{Connection, OpenFlags, Row};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

const PAGE_BYTES: u64 = 4096;
/// Number of ids in an unreadable range that are tried one by one. Then the steps grow with the range.
const SINGLE_STEPS: i64 = 4096;
/// Largest gap between row ids. A larger one is damage.
const MAX_ID_GAP: i64 = 1 << 40;

/// State of the file that the writer knows. Empty at the start.
#[derive(Default)]
pub(super) struct KnownState {
    pub(super) lanes: Vec<LaneAccount>,
    pub(super) session: i64,
    pub(super) last_id: i64,
}

/// Open database, with the loss by its damage.
pub(super) struct OpenedStore {
    pub(super) store: SpoolStore,
    /// Lost rows.
    pub(super) lost: u64,
}

/// Opens the database. Salvages it first if it is damaged or distrusted.
pub(super) fn open_store(
    files: &SpoolFiles,
    next_id: i64,
    known: &KnownState,
    is_distrusted: bool,
    access: DatabaseAccess,
) -> Result<OpenedStore, SpoolFault> {
    complete_swap(files)?;
    set_orphan_log_aside(files)?;
    if !is_distrusted {
        match SpoolStore::open(&files.database(), next_id, access) {
            Ok(store) => return Ok(OpenedStore { store, lost: 0 }),
            Err(fault) if fault.is_damage() => {}
            Err(fault) => {
                let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY;
                match Connection::open_with_flags(files.database(), read_only) {
                    Ok(file) if fault.is_damage_of(&file) => {}
                    _ => return Err(fault),
                }
            }
        }
    }
    let lost = salvage(files, known)?;
    Ok(OpenedStore { store: SpoolStore::open(&files.database(), next_id, access)?, lost })
}

/// Replaces the damaged file by a copy of all that is readable. Returns the number of lost rows.
pub(super) fn salvage(files: &SpoolFiles, known: &KnownState) -> Result<u64, SpoolFault> {
    let aside = files.damaged();
    let mut salvage = SpoolStore::open(&files.salvage(), 1, DatabaseAccess::Shared)?;
    salvage.checkpoint()?;
    let damaged = open_damaged(&files.database(), &files.salvage())?;
    let copied = RowCopier::new(&damaged, known).copy_into(&mut salvage)?;
    drop(damaged);
    replace_with(files, salvage)?;
    tracing::error!(
        set_aside = %aside.display(), rows_saved = copied.saved, rows_lost = copied.lost,
        "the spool's file was damaged: what could be read is in a new file; check the disk, and keep the \
         file that was set aside until what it lost is accounted for"
    );
    Ok(copied.lost)
}

/// Copies what is readable of a database that is open but no longer on disk into a new file. Returns the
/// number of lost rows. A file that is in the place of the database is set aside.
pub(super) fn rescue(files: &SpoolFiles, open: &Connection, known: &KnownState) -> Result<u64, SpoolFault> {
    complete_swap(files)?;
    let mut salvage = SpoolStore::open(&files.salvage(), 1, DatabaseAccess::Shared)?;
    let copied = RowCopier::new(open, known).copy_into(&mut salvage)?;
    replace_with(files, salvage)?;
    tracing::error!(
        directory = %files.directory.display(), rows_saved = copied.saved, rows_lost = copied.lost,
        "another process removed, replaced or truncated the spool's files: the rows that could still be \
         read are in a new file; a file that was in its place is set aside as spool.db.damaged-<n>"
    );
    Ok(copied.lost)
}

/// Replaces the database by a complete copy.
fn replace_with(files: &SpoolFiles, salvage: SpoolStore) -> Result<(), SpoolFault> {
    salvage.close()?;
    Ok(swap_in(files)?)
}

/// Opens the damaged file, after a repair of its first page if necessary.
fn open_damaged(path: &Path, sound: &Path) -> Result<Connection, SpoolFault> {
    let open = || -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        // A column with a wrong name or type is not an error, but its content would be lost. No row is read: a
        // damaged one would be mistaken for a damaged first page.
        let found = tables(&connection)?;
        if found == tables(&Connection::open(sound)?)? || found == tables(&vacuumed()?)? {
            Ok(connection)
        } else {
            Err(rusqlite::Error::InvalidQuery)
        }
    };
    // A full disk is no evidence of damage.
    let unless_full = |error: rusqlite::Error| if is_full(&error) { Err(error) } else { Ok(()) };
    open().or_else(|error| {
        unless_full(error)?;
        repair_first_page(path, sound)?;
        // If the file is unusable even with a sound first page, there is nothing to salvage.
        open().or_else(|error| Ok(unless_full(error).and_then(|()| Connection::open_in_memory())?))
    })
}

/// Creates an empty database with the root pages that VACUUM assigns.
fn vacuumed() -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL")?;
    MIGRATIONS.iter().try_for_each(|migration| connection.execute_batch(migration))?;
    connection.execute_batch("VACUUM")?;
    Ok(connection)
}

/// Returns tables and indices with their root pages.
fn tables(connection: &Connection) -> rusqlite::Result<Vec<(String, u32, Option<String>)>> {
    let mut statement =
        connection.prepare("SELECT type || name || tbl_name, rootpage, sql FROM sqlite_master")?;
    let tables = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    tables.collect()
}

/// Overwrites the first page with that of a new file. It holds the header and the root pages, which are the
/// same in every file of a schema version.
fn repair_first_page(path: &Path, sound: &Path) -> io::Result<()> {
    let mut page = [0; PAGE_BYTES as usize];
    File::open(sound)?.read_exact_at(&mut page, 0)?;
    let file = File::options().write(true).open(path)?;
    let pages = u32::try_from(file.metadata()?.len() / PAGE_BYTES).unwrap_or(u32::MAX);
    page[28..32].copy_from_slice(&pages.to_be_bytes());
    file.write_all_at(&page, 0)?;
    file.sync_all()
}

struct CopiedRows {
    saved: u64,
    lost: u64,
}

struct RowCopier<'a> {
    damaged: &'a Connection,
    known: &'a KnownState,
    /// Candidates for the name of a lane number. The checksum of a row decides.
    names: Vec<(i64, Arc<str>)>,
    copied: HashMap<Arc<str>, u64>,
    /// Unreadable ranges of parked rows. Each counts as one lost row, because the real number is unknown.
    unreadable: u64,
    session: i64,
}

impl<'a> RowCopier<'a> {
    fn new(damaged: &'a Connection, known: &'a KnownState) -> Self {
        let mut names: Vec<_> = known.lanes.iter().map(|lane| (lane.id, lane.name.clone())).collect();
        for source in ["lane NOT INDEXED", "lane INDEXED BY sqlite_autoindex_lane_1"] {
            names.extend(names_in(damaged, source));
        }
        names.sort();
        names.dedup();
        Self { damaged, known, names, copied: HashMap::new(), unreadable: 0, session: known.session }
    }

    fn copy_into(mut self, salvage: &mut SpoolStore) -> Result<CopiedRows, SpoolFault> {
        let mut last = 0;
        let mut change = salvage.begin()?;
        let damaged = self.damaged;
        walk(damaged, "record", ROW, stored_row, |id, row| {
            last = id;
            self.copy(&mut change, row)
        })?;
        for table in ["damaged", "parked"] {
            let unreadable = walk(damaged, table, ROW, stored_row, |_, mut row| {
                // Lane numbers differ in the new file.
                if let Some(name) = self.name_of(&row) {
                    row.lane = change.lane(&name)?.id;
                }
                Ok(change.keep(table, &row)?)
            })?;
            // Rows in `damaged` were counted when they were found.
            self.unreadable += if table == "parked" { unreadable } else { 0 };
        }
        let identity = |row: &Row<'_>| Ok((row.get(1)?, row.get(2)?));
        walk(damaged, "remembered", "id, identity, at", identity, |id, (identity, at)| {
            Ok(change.remember_as(id, &identity, at)?)
        })?;
        let used = self.last_id(last);
        change.start_after(used, self.session)?;
        let accounts = change.commit()?;
        salvage.adopt(accounts);
        let lost = self.lost();
        Ok(CopiedRows { saved: self.copied.values().sum(), lost })
    }

    /// Copies a row with a right checksum into its lane, and any other row into `damaged`.
    fn copy(&mut self, change: &mut StoreTransaction<'_>, row: StoredRow) -> Result<(), SpoolFault> {
        let Some(name) = self.name_of(&row) else {
            return Ok(change.keep("damaged", &row)?);
        };
        *self.copied.entry(name.clone()).or_default() += 1;
        self.session = self.session.max(row.session);
        change.copy(&name, row)?;
        Ok(())
    }

    /// Returns the name of the row's lane. `None`: the row is damaged.
    fn name_of(&self, row: &StoredRow) -> Option<Arc<str>> {
        let is_complete =
            |name: &str| checksum(row.id, name, row.appended_at, row.session, &row.payload) == row.checksum;
        let found = self.names.iter().find(|(lane, name)| *lane == row.lane && is_complete(name));
        found.map(|(_, name)| Arc::clone(name))
    }

    /// Returns the last used id, as far as it is known.
    fn last_id(&self, last_row: i64) -> i64 {
        let least = last_row.max(self.known.last_id);
        let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'record'";
        let recorded = self.damaged.query_row(sql, (), |row| row.get::<_, i64>(0)).unwrap_or(least);
        if recorded > least && recorded - least < MAX_ID_GAP { recorded } else { least }
    }

    /// Returns the number of rows that the index or the accounts count and that were not copied.
    fn lost(&self) -> u64 {
        let mut expected: HashMap<Arc<str>, u64> = HashMap::new();
        let accounts = if self.known.lanes.is_empty() {
            lanes(self.damaged).unwrap_or_default()
        } else {
            self.known.lanes.clone()
        };
        let max = self.max_rows();
        for lane in accounts.iter().filter(|lane| lane.rows <= max) {
            expected.insert(lane.name.clone(), lane.rows);
        }
        for (lane, rows) in self.indexed() {
            if let Some((_, name)) = self.names.iter().find(|(id, _)| *id == lane) {
                let expected = expected.entry(name.clone()).or_default();
                *expected = rows.max(*expected);
            }
        }
        let copied = |lane| self.copied.get(lane).copied().unwrap_or(0);
        let lost: u64 = expected.iter().map(|(lane, rows)| rows.saturating_sub(copied(lane))).sum();
        lost + self.unreadable
    }

    /// Returns an upper bound of the rows in the file. An account above it is damaged.
    fn max_rows(&self) -> u64 {
        let pages = self.damaged.query_row("PRAGMA page_count", (), |row| row.get::<_, i64>(0));
        pages.unwrap_or(0).unsigned_abs() * PAGE_BYTES / 8
    }

    /// Returns the number of rows of each lane, from the index.
    fn indexed(&self) -> Vec<(i64, u64)> {
        let count = || {
            let sql = "SELECT lane, count(*) FROM record INDEXED BY record_lane GROUP BY lane";
            let mut statement = self.damaged.prepare(sql)?;
            let counts = statement.query_map((), |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?;
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

/// Columns that [`stored_row`] reads.
const ROW: &str = "id, lane, appended_at, session, checksum, payload";

/// Visits the readable rows of a table by id, which is the first of `columns`. Returns the number of
/// unreadable ranges.
///
/// After an error, the read continues behind the next id. Far into an unreadable range it skips ids; if it then
/// finds a row, it goes back to those of the last step.
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
