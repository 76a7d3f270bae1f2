//! Saves what a damaged file still holds.
//!
//! The new file is complete, under a name of its own, before the damaged one is set aside; so a crash
//! in between costs nothing. The damaged file's log is read with it and set aside with it.

use super::files::Files;
use super::place::{finish, put_in_place, set_orphan_aside};
use super::schema::{Access, Fault, MIGRATIONS, is_full};
use super::store::{Change, Lane, Store, Stored, as_stored, checksum, lanes};
use rusqlite::{Connection, OpenFlags, Row, params};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

const PAGE_BYTES: u64 = 4096;
const ROWS_AT_ONCE: i64 = 256;
/// Greater gaps in the row ids are damage, not deletions.
const WIDEST_GAP: i64 = 1 << 40;

/// What the writer still knows of the file. Nothing at the start.
#[derive(Default)]
pub(super) struct Known {
    pub(super) lanes: Vec<Lane>,
    pub(super) session: i64,
    pub(super) last_id: i64,
}

/// A database that was opened, and what its damage cost.
pub(super) struct Opened {
    pub(super) store: Store,
    /// Rows.
    pub(super) lost: u64,
}

/// Opens the database, and salvages it if it is damaged or not trusted.
pub(super) fn open_store(
    files: &Files,
    next_id: i64,
    known: &Known,
    distrusted: bool,
    access: Access,
) -> Result<Opened, Fault> {
    finish(files)?;
    set_orphan_aside(files)?;
    if !distrusted {
        match Store::open(&files.database(), next_id, access) {
            Ok(store) => return Ok(Opened { store, lost: 0 }),
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
    Ok(Opened { store: Store::open(&files.database(), next_id, access)?, lost })
}

/// Puts a new file with all that can be read into the damaged one's place. Gives the rows lost.
pub(super) fn salvage(files: &Files, known: &Known) -> Result<u64, Fault> {
    let aside = files.damaged();
    let mut salvage = Store::open(&files.salvage(), 1, Access::Shared)?;
    salvage.checkpoint()?;
    let damaged = open_damaged(&files.database(), &files.salvage())?;
    let copied = Copier::new(&damaged, known).copy_into(&mut salvage)?;
    drop(damaged);
    replace_with(files, salvage)?;
    tracing::error!(
        set_aside = %aside.display(), rows_saved = copied.saved, rows_lost = copied.lost,
        "the spool's file was damaged: what could be read is in a new file; check the disk, and keep the \
         file that was set aside until what it lost is accounted for"
    );
    Ok(copied.lost)
}

/// Copies what can be read of a database that is no longer on disk, but still open, into a new file.
/// Returns the number of rows lost. A file now in the place of the database is set aside.
pub(super) fn rescue(files: &Files, open: &Connection, known: &Known) -> Result<u64, Fault> {
    finish(files)?;
    let mut salvage = Store::open(&files.salvage(), 1, Access::Shared)?;
    let copied = Copier::new(open, known).copy_into(&mut salvage)?;
    replace_with(files, salvage)?;
    tracing::error!(
        directory = %files.directory.display(), rows_saved = copied.saved, rows_lost = copied.lost,
        "another process removed, replaced or truncated the spool's files: the rows that could still be \
         read are in a new file; a file that was in its place is set aside as spool.db.damaged-<n>"
    );
    Ok(copied.lost)
}

/// Puts a complete copy into the place of the database.
fn replace_with(files: &Files, salvage: Store) -> Result<(), Fault> {
    salvage.close()?;
    Ok(put_in_place(files)?)
}

/// Opens the damaged file so that as much as possible can be read.
fn open_damaged(path: &Path, sound: &Path) -> Result<Connection, Fault> {
    let open = || -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.query_row("SELECT count(*) FROM record WHERE id < 0", (), |_| Ok(()))?;
        connection.query_row("SELECT count(*) FROM lane WHERE id < 0", (), |_| Ok(()))?;
        // A column of another name or type is no error, but everything in it would be lost.
        let found = tables(&connection)?;
        if found == tables(&Connection::open(sound)?)? || found == tables(&vacuumed()?)? {
            Ok(connection)
        } else {
            Err(rusqlite::Error::InvalidQuery)
        }
    };
    // A full disk says nothing of what is in the file.
    let unless_full = |error: rusqlite::Error| if is_full(&error) { Err(error) } else { Ok(()) };
    open().or_else(|error| {
        unless_full(error)?;
        heal_first_page(path, sound)?;
        // Whatever is wrong with it now: there may be nothing to read, and that is an answer.
        open().or_else(|error| Ok(unless_full(error).and_then(|()| Connection::open_in_memory())?))
    })
}

/// Creates an empty database with the places of tables that VACUUM chooses.
fn vacuumed() -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL")?;
    MIGRATIONS.iter().try_for_each(|migration| connection.execute_batch(migration))?;
    connection.execute_batch("VACUUM")?;
    Ok(connection)
}

/// The tables and indices with their places.
fn tables(connection: &Connection) -> rusqlite::Result<Vec<(String, u32, Option<String>)>> {
    let mut statement =
        connection.prepare("SELECT type || name || tbl_name, rootpage, sql FROM sqlite_master")?;
    let tables = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    tables.collect()
}

/// Overwrites the first page with that of a new file. It holds the header and the tables' places, and
/// those are the same in every file of one schema version.
fn heal_first_page(path: &Path, sound: &Path) -> io::Result<()> {
    let mut page = [0; PAGE_BYTES as usize];
    File::open(sound)?.read_exact_at(&mut page, 0)?;
    let file = File::options().write(true).open(path)?;
    let pages = u32::try_from(file.metadata()?.len() / PAGE_BYTES).unwrap_or(u32::MAX);
    page[28..32].copy_from_slice(&pages.to_be_bytes());
    file.write_all_at(&page, 0)?;
    file.sync_all()
}

struct Copied {
    saved: u64,
    lost: u64,
}

struct Copier<'a> {
    damaged: &'a Connection,
    known: &'a Known,
    /// Names that a lane's number may stand for. The rows' checksums tell which.
    names: Vec<(i64, Arc<str>)>,
    copied: HashMap<Arc<str>, u64>,
    /// Stretches of parked rows that cannot be read. Each counts as a row, because nothing counts those.
    unreadable: u64,
    session: i64,
}

impl<'a> Copier<'a> {
    fn new(damaged: &'a Connection, known: &'a Known) -> Self {
        let mut names: Vec<_> = known.lanes.iter().map(|lane| (lane.id, lane.name.clone())).collect();
        for source in ["lane NOT INDEXED", "lane INDEXED BY sqlite_autoindex_lane_1"] {
            names.extend(names_in(damaged, source));
        }
        names.sort();
        names.dedup();
        Self { damaged, known, names, copied: HashMap::new(), unreadable: 0, session: known.session }
    }

    fn copy_into(mut self, salvage: &mut Store) -> Result<Copied, Fault> {
        let mut last = 0;
        let mut change = salvage.begin()?;
        let damaged = self.damaged;
        walk(damaged, "record", ROW, as_stored, |id, row| {
            last = id;
            self.copy(&mut change, row)
        })?;
        for table in ["damaged", "parked"] {
            let unreadable = walk(damaged, table, ROW, as_stored, |_, mut row| {
                // The new file numbers lanes anew.
                if let Some(name) = self.name_of(&row) {
                    row.lane = change.lane(&name)?.id;
                }
                Ok(change.keep(table, &row)?)
            })?;
            // What is in `damaged` was counted when it was found.
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
        Ok(Copied { saved: self.copied.values().sum(), lost })
    }

    /// Copies a row whose checksum is right into its lane, and any other to what is damaged.
    fn copy(&mut self, change: &mut Change<'_>, row: Stored) -> Result<(), Fault> {
        let Some(name) = self.name_of(&row) else {
            return Ok(change.keep("damaged", &row)?);
        };
        *self.copied.entry(name.clone()).or_default() += 1;
        self.session = self.session.max(row.session);
        change.copy(&name, row)?;
        Ok(())
    }

    /// Returns the name of a row's lane; `None` if the row is damaged.
    fn name_of(&self, row: &Stored) -> Option<Arc<str>> {
        let is_whole =
            |name: &str| checksum(row.id, name, row.appended_at, row.session, &row.payload) == row.checksum;
        let found = self.names.iter().find(|(lane, name)| *lane == row.lane && is_whole(name));
        found.map(|(_, name)| Arc::clone(name))
    }

    /// The last id given out, as far as it can be known.
    fn last_id(&self, last_row: i64) -> i64 {
        let least = last_row.max(self.known.last_id);
        let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'record'";
        let told = self.damaged.query_row(sql, (), |row| row.get::<_, i64>(0)).unwrap_or(least);
        if told > least && told - least < WIDEST_GAP { told } else { least }
    }

    /// Rows that the index or the lanes' accounts tell of and that were not copied.
    fn lost(&self) -> u64 {
        let mut expected: HashMap<Arc<str>, u64> = HashMap::new();
        let accounts = if self.known.lanes.is_empty() {
            lanes(self.damaged).unwrap_or_default()
        } else {
            self.known.lanes.clone()
        };
        let most = self.most_rows();
        for lane in accounts.iter().filter(|lane| lane.rows <= most) {
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

    /// No file holds more rows: an account that says so is damaged.
    fn most_rows(&self) -> u64 {
        let pages = self.damaged.query_row("PRAGMA page_count", (), |row| row.get::<_, i64>(0));
        pages.unwrap_or(0).unsigned_abs() * PAGE_BYTES / 8
    }

    /// Rows of each lane by the index.
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

/// The columns of [`as_stored`].
const ROW: &str = "id, lane, appended_at, session, checksum, payload";

/// Visits the rows of a table that can be read, by id, the first of `columns`. Returns the number of
/// stretches that cannot be read.
fn walk<T>(
    damaged: &Connection,
    table: &str,
    columns: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    mut visit: impl FnMut(i64, T) -> Result<(), Fault>,
) -> Result<u64, Fault> {
    let sql = format!("SELECT {columns} FROM {table} NOT INDEXED WHERE id > ?1 ORDER BY id LIMIT ?2");
    let with_id = |row: &Row<'_>| Ok((row.get(0)?, read(row)?));
    let Ok(mut statement) = damaged.prepare(&sql) else { return Ok(1) };
    let (mut after, mut unreadable) = (0, 0);
    loop {
        let mut count = 0;
        let mut whole = true;
        let mut rows = statement.query(params![after, ROWS_AT_ONCE])?;
        loop {
            match rows.next().and_then(|row| row.map(with_id).transpose()) {
                Ok(Some((id, row))) if id > after => {
                    (after, count) = (id, count + 1);
                    visit(id, row)?;
                }
                Ok(None) => break,
                Ok(Some(_)) | Err(_) => {
                    whole = false;
                    break;
                }
            }
        }
        drop(rows);
        if whole && count < ROWS_AT_ONCE {
            return Ok(unreadable);
        }
        if !whole {
            unreadable += 1;
            let readable = |place: i64| {
                let mut rows = statement.query(params![place, 1])?;
                Ok(rows.next()?.map(with_id).transpose()?.is_none_or(|(id, _)| id > place))
            };
            match past_damage(after, readable) {
                Some(place) => after = place,
                None => return Ok(unreadable),
            }
        }
    }
}

/// The first place behind a damage from which can be read: found in growing leaps, then by halving the
/// last one.
fn past_damage(after: i64, mut readable: impl FnMut(i64) -> rusqlite::Result<bool>) -> Option<i64> {
    let mut readable = |place| readable(place).unwrap_or(false);
    let (mut bad, mut leap) = (after, 1_i64);
    let mut good = loop {
        let place = after.checked_add(leap)?;
        if readable(place) {
            break place;
        }
        bad = place;
        leap = leap.checked_mul(2)?;
    };
    while good - bad > 1 {
        let middle = bad + (good - bad) / 2;
        if readable(middle) { good = middle } else { bad = middle }
    }
    Some(good)
}
