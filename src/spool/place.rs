//! The place of the database: a complete copy takes it, and what is there is set aside.

use super::files::{Files, beside, private, remove, sync_directory};
use std::fs::File;
use std::io;

/// Finishes a salvage that a crash cut short.
pub(super) fn finish(files: &Files) -> io::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        remove(&beside(&files.salvage(), suffix))?;
    }
    if !files.salvaged().exists() {
        return Ok(());
    }
    let (database, aside) = (files.database(), files.damaged());
    let log = beside(&database, "-wal");
    let is_there = database.exists();
    if is_there && log.exists() {
        std::fs::rename(&log, beside(&aside, "-wal"))?;
    }
    // Of a database that is gone, the log would be read into the new file.
    remove(&log)?;
    remove(&beside(&database, "-shm"))?;
    if is_there {
        std::fs::rename(&database, &aside)?;
    }
    std::fs::rename(files.salvaged(), database)?;
    sync_directory(&files.directory)
}

/// Moves a log aside whose database is gone: beside an empty database, SQLite deletes it.
pub(super) fn set_orphan_aside(files: &Files) -> io::Result<()> {
    let is_gone = std::fs::metadata(files.database()).map_or(true, |found| found.len() == 0);
    if !is_gone || files.wal_bytes() == 0 {
        return Ok(());
    }
    let aside = beside(&files.damaged(), "-wal");
    std::fs::rename(files.log(), &aside)?;
    tracing::error!(
        set_aside = %aside.display(),
        "the spool's database is gone and its log is left: the records in it are lost to the bridge"
    );
    Ok(())
}

/// Puts the complete copy at [`Files::salvage`] into the place of the database.
pub(super) fn put_in_place(files: &Files) -> io::Result<()> {
    std::fs::rename(files.salvage(), files.salvaged())?;
    sync_directory(&files.directory)?;
    finish(files)
}

/// Copies a closed database that is no longer on disk, but still open as `held`, into its place.
pub(super) fn restore(files: &Files, held: &File) -> io::Result<()> {
    finish(files)?;
    let copy = private(&files.salvage())?;
    io::copy(&mut &*held, &mut &copy)?;
    copy.sync_all()?;
    put_in_place(files)?;
    tracing::error!(
        directory = %files.directory.display(),
        "another process removed or replaced the spool's file while it was closed: it is back in its place; \
         a file that was there is set aside as spool.db.damaged-<n>"
    );
    Ok(())
}
