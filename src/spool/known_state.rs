//! State of the file that the writer knows from before a fault, to count what a file has lost.

use super::lane_account::{LaneAccount, lanes};
use super::open_files::OpenFiles;
use super::schema::{READER_BUSY_TIMEOUT, is_ambiguous, open_for_reading};
use super::store::session_and_last_id;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

/// Bytes that the smallest row needs at least.
const MIN_ROW_BYTES: u64 = 8;

/// State of the file that the writer knows. Empty at the start.
#[derive(Default)]
pub(super) struct KnownState {
    pub(super) lanes: Vec<LaneAccount>,
    pub(super) session: i64,
    pub(super) last_id: i64,
    /// Bytes of the files when this process last wrote to them.
    pub(super) bytes: u64,
    /// Rows that are delivered and not yet deleted.
    pub(super) delivered: BTreeSet<i64>,
}

impl KnownState {
    /// Returns the accounts that can be true. A flipped bit may have changed a number before the file was
    /// opened.
    pub(super) fn plausible(&self, max_rows: u64) -> impl Iterator<Item = &LaneAccount> {
        let max = max_rows.max(max_rows_in(self.bytes));
        self.lanes.iter().filter(move |lane| lane.rows <= max)
    }

    /// Returns the number of rows to deliver.
    pub(super) fn rows(&self) -> u64 {
        let rows: u64 = self.plausible(0).map(|lane| lane.rows).sum();
        rows.saturating_sub(self.delivered.len() as u64)
    }

    /// Returns whether a file with this session and greatest id is the known one, as far as that is visible.
    pub(super) fn is_of(&self, session: i64, last_id: i64) -> bool {
        self.session == session && self.last_id <= last_id
    }

    /// Returns the number of known rows that a file lacks.
    pub(super) fn lost_in(&self, session: i64, last_id: i64, lanes: &[LaneAccount]) -> u64 {
        if self.is_of(session, last_id) {
            return 0;
        }
        if self.session != session {
            return self.rows();
        }
        let found = |known: &LaneAccount| lanes.iter().find(|lane| lane.name == known.name);
        let missing =
            |known: &LaneAccount| known.rows.saturating_sub(found(known).map_or(0, |lane| lane.rows));
        self.plausible(0).map(missing).sum::<u64>().min(self.rows())
    }

    /// Returns the number of known rows that the file at `database` lacks. 0 if the file cannot be read now,
    /// because a later start may read it.
    pub(super) fn lost_in_file(&self, database: &Path) -> u64 {
        match std::fs::metadata(database) {
            Ok(found) if found.len() == 0 => return self.rows(),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return self.rows();
            }
            _ => {}
        }
        let Ok(file) = open_for_reading(database, READER_BUSY_TIMEOUT) else { return 0 };
        let found = session_and_last_id(&file)
            .and_then(|(session, last_id)| Ok(self.lost_in(session, last_id, &lanes(&file)?)));
        match found {
            Ok(lost) => lost,
            // A full disk may have prevented the creation of its tables.
            Err(error) if is_ambiguous(&error) => self.rows(),
            Err(_) => 0,
        }
    }
}

/// Returns an upper bound of the rows in files of this size.
pub(super) fn max_rows_in(bytes: u64) -> u64 {
    bytes / MIN_ROW_BYTES
}

/// Accounts and size of the files at the last success.
#[derive(Default)]
pub(super) struct LastState {
    pub(super) lanes: Vec<LaneAccount>,
    pub(super) bytes: u64,
}

impl LastState {
    pub(super) fn of(lanes: &[LaneAccount], files: &OpenFiles) -> Self {
        Self { lanes: lanes.to_vec(), bytes: files.bytes() }
    }
}
