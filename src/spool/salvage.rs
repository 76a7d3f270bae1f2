//! Salvage of a damaged file. The copy is complete before the damaged file is replaced, so a crash in between
//! loses nothing. The log of the damaged file is read and kept with it.

use super::file_swap::{complete_swap, remove_incomplete, set_orphan_log_aside, swap_in};
use super::files::SpoolFiles;
use super::known_state::KnownState;
use super::row_copier::{CopiedRows, RowCopier};
use super::schema::{DatabaseAccess, MIGRATIONS, PAGE_BYTES, SpoolFault, is_full};
use super::store::SpoolStore;
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

pub(super) struct OpenedStore {
    pub(super) store: SpoolStore,
    pub(super) lost: u64,
    /// Delivered rows are not copied.
    pub(super) delivered: u64,
    /// Another process put the file in place of the known one.
    pub(super) is_restored: bool,
}

impl OpenedStore {
    fn new(store: SpoolStore, lost: u64, delivered: u64) -> Self {
        Self { store, lost, delivered, is_restored: false }
    }
}

/// Salvages the database first if it is damaged or distrusted.
pub(super) fn open_store(
    files: &SpoolFiles,
    next_id: i64,
    known: &KnownState,
    is_distrusted: bool,
    access: DatabaseAccess,
) -> Result<OpenedStore, SpoolFault> {
    complete_swap(files)?;
    let is_log_lost = set_orphan_log_aside(files)?;
    if !is_distrusted {
        match SpoolStore::open(&files.database(), next_id, access) {
            // The number of rows in the log is unknown at the start.
            Ok(store) if known.session == 0 => {
                return Ok(OpenedStore::new(store, u64::from(is_log_lost), 0));
            }
            Ok(store) => return compare(store, known),
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
    let CopiedRows { lost, delivered, .. } = salvage(files, known)?;
    Ok(OpenedStore::new(SpoolStore::open(&files.database(), next_id, access)?, lost, delivered))
}

/// The numbers of another file continue the known ones.
fn compare(mut store: SpoolStore, known: &KnownState) -> Result<OpenedStore, SpoolFault> {
    let (session, last_id) = (store.session, store.last_id_on_disk);
    if known.is_of(session, last_id) {
        return Ok(OpenedStore::new(store, 0, 0));
    }
    let lost = known.lost_in(session, last_id, &store.accounts.lanes);
    let change = store.begin()?;
    change.start_after(store.last_id(), known.session)?;
    let accounts = change.commit()?;
    store.adopt(accounts);
    store.session = known.session;
    tracing::error!(
        rows_lost = lost,
        "another process removed or replaced the spool's file while it was closed: the rows are lost"
    );
    Ok(OpenedStore { is_restored: true, ..OpenedStore::new(store, lost, 0) })
}

fn salvage(files: &SpoolFiles, known: &KnownState) -> Result<CopiedRows, SpoolFault> {
    let aside = files.damaged();
    let bytes = std::fs::metadata(files.database()).map_or(0, |found| found.len()) + files.wal_bytes();
    let copied = replace(files, |salvage| {
        salvage.checkpoint()?;
        let damaged = open_damaged(&files.database(), &files.salvage())?;
        let copier = RowCopier::new(&damaged, known);
        check_room(files, copier.bytes().min(bytes))?;
        copier.copy_into(salvage)
    })?;
    tracing::error!(
        set_aside = %aside.display(), rows_saved = copied.saved, rows_lost = copied.lost,
        "the spool's file was damaged: what could be read is in a new file; check the disk, and keep the \
         file that was set aside until what it lost is accounted for"
    );
    Ok(copied)
}

/// Copies the rows of an open database that is no longer on disk into a new file, and opens that. Sets a file
/// in its place aside. [`SpoolFault::Moved`]: the copy was removed too, and the open database still has the
/// rows.
pub(super) fn rescue(
    files: &SpoolFiles,
    open: &Connection,
    known: &KnownState,
    access: DatabaseAccess,
) -> Result<OpenedStore, SpoolFault> {
    complete_swap(files)?;
    let copier = RowCopier::new(open, known);
    check_room(files, copier.bytes().min(known.bytes))?;
    let copied = replace(files, |salvage| copier.copy_into(salvage))?;
    tracing::error!(
        directory = %files.directory.display(), rows_saved = copied.saved, rows_lost = copied.lost,
        "another process removed, replaced or truncated the spool's files: the rows that could still be \
         read are in a new file; a file that was in its place is set aside as spool.db.damaged-<n>"
    );
    let store = SpoolStore::open(&files.database(), known.last_id + 1, access)?;
    if !known.is_of(store.session, store.last_id_on_disk) {
        return Err(SpoolFault::Moved);
    }
    Ok(OpenedStore::new(store, copied.lost, copied.delivered))
}

/// Leaves no incomplete copy, because the disk may be full.
fn replace(
    files: &SpoolFiles,
    copy: impl FnOnce(&mut SpoolStore) -> Result<CopiedRows, SpoolFault>,
) -> Result<CopiedRows, SpoolFault> {
    let copied = SpoolStore::open(&files.salvage(), 1, DatabaseAccess::Shared).and_then(|mut salvage| {
        let copied = copy(&mut salvage)?;
        salvage.close()?;
        Ok(copied)
    });
    if copied.is_err() {
        remove_incomplete(files)?;
    }
    let copied = copied?;
    swap_in(files)?;
    Ok(copied)
}

fn check_room(files: &SpoolFiles, needed: u64) -> Result<(), SpoolFault> {
    let disk = rustix::fs::statvfs(&files.directory).map_err(io::Error::from)?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < needed { Err(SpoolFault::NoRoom { needed, free }) } else { Ok(()) }
}

/// Repairs the first page if necessary.
fn open_damaged(path: &Path, sound: &Path) -> Result<Connection, SpoolFault> {
    let open = || -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        // The content of a column with a wrong name or type would be lost. Reads no row, because a damaged
        // one would be mistaken for a damaged first page.
        let found = tables(&connection)?;
        if found == tables(&Connection::open(sound)?)? || found == tables(&vacuumed()?)? {
            Ok(connection)
        } else {
            Err(rusqlite::Error::InvalidQuery)
        }
    };
    // A full disk does not prove damage.
    let unless_full = |error: rusqlite::Error| if is_full(&error) { Err(error) } else { Ok(()) };
    open().or_else(|error| {
        unless_full(error)?;
        repair_first_page(path, sound)?;
        // Nothing can be salvaged if a sound first page does not help.
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

fn tables(connection: &Connection) -> rusqlite::Result<Vec<(String, u32, Option<String>)>> {
    let mut statement =
        connection.prepare("SELECT type || name || tbl_name, rootpage, sql FROM sqlite_master")?;
    let tables = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    tables.collect()
}

/// The first page holds the header and the root pages, which are the same in every file of a schema version.
fn repair_first_page(path: &Path, sound: &Path) -> io::Result<()> {
    let mut page = [0; PAGE_BYTES as usize];
    File::open(sound)?.read_exact_at(&mut page, 0)?;
    let file = File::options().write(true).open(path)?;
    let pages = u32::try_from(file.metadata()?.len() / PAGE_BYTES).unwrap_or(u32::MAX);
    page[28..32].copy_from_slice(&pages.to_be_bytes());
    file.write_all_at(&page, 0)?;
    file.sync_all()
}
