//! Replacement of the database by a complete copy.

use super::files::{SpoolFiles, beside, private, remove, sync_directory};
use std::fs::File;
use std::io;

pub(super) fn remove_incomplete(files: &SpoolFiles) -> io::Result<()> {
    ["", "-wal", "-shm"].iter().try_for_each(|suffix| remove(&beside(&files.salvage(), suffix)))
}

/// Completes a salvage that a crash interrupted.
pub(super) fn complete_swap(files: &SpoolFiles) -> io::Result<()> {
    remove_incomplete(files)?;
    if !files.salvaged().exists() {
        return Ok(());
    }
    let (database, aside) = (files.database(), files.damaged());
    let log = beside(&database, "-wal");
    let is_there = database.exists();
    if is_there && log.exists() {
        std::fs::rename(&log, beside(&aside, "-wal"))?;
    }
    // If the database is missing, SQLite would apply its log to the new file.
    remove(&log)?;
    remove(&beside(&database, "-shm"))?;
    if is_there {
        std::fs::rename(&database, &aside)?;
    }
    std::fs::rename(files.salvaged(), database)?;
    sync_directory(&files.directory)
}

/// Moves the log of a missing database aside, because SQLite deletes a log beside an empty database. Returns
/// whether there was one.
pub(super) fn set_orphan_log_aside(files: &SpoolFiles) -> io::Result<bool> {
    let is_gone = std::fs::metadata(files.database()).map_or(true, |found| found.len() == 0);
    if !is_gone || files.wal_bytes() == 0 {
        return Ok(false);
    }
    let aside = beside(&files.damaged(), "-wal");
    std::fs::rename(files.log(), &aside)?;
    tracing::error!(
        set_aside = %aside.display(),
        "the spool's database is missing, and its log was moved aside: the records in the log are not delivered"
    );
    Ok(true)
}

pub(super) fn swap_in(files: &SpoolFiles) -> io::Result<()> {
    std::fs::rename(files.salvage(), files.salvaged())?;
    sync_directory(&files.directory)?;
    complete_swap(files)
}

/// Restores a closed database that is no longer on disk from its open handle.
pub(super) fn restore(files: &SpoolFiles, held: &File) -> io::Result<()> {
    complete_swap(files)?;
    let copy = private(&files.salvage())?;
    io::copy(&mut &*held, &mut &copy)?;
    copy.sync_all()?;
    swap_in(files)?;
    tracing::error!(
        directory = %files.directory.display(),
        "another process removed or replaced the spool's file while it was closed: it is back in its place; \
         a file that was there is set aside as spool.db.damaged-<n>"
    );
    Ok(())
}
