//! State of the file before a fault, to count what the file has lost.

use super::lane_account::{LaneAccount, lanes};
use super::open_files::OpenFiles;
use super::schema::{READER_BUSY_TIMEOUT, is_ambiguous, open_for_reading};
use super::store::session_and_last_id;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

const MIN_ROW_BYTES: u64 = 8;

/// Empty at the start.
#[derive(Default)]
pub(super) struct KnownState {
    pub(super) lanes: Vec<LaneAccount>,
    pub(super) session: i64,
    pub(super) last_id: i64,
    /// Bytes of the files at the last write.
    pub(super) bytes: u64,
    /// Delivered, not yet deleted.
    pub(super) delivered: BTreeSet<i64>,
}

impl KnownState {
    /// Returns the accounts that can be true. A flipped bit may have changed a number.
    pub(super) fn plausible(&self, max_rows: u64) -> impl Iterator<Item = &LaneAccount> {
        let max = max_rows.max(max_rows_in(self.bytes));
        self.lanes.iter().filter(move |lane| lane.rows <= max)
    }

    pub(super) fn rows(&self) -> u64 {
        let rows: u64 = self.plausible(0).map(|lane| lane.rows).sum();
        rows.saturating_sub(self.delivered.len() as u64)
    }

    /// Returns whether a file with this session and greatest id may be the known one.
    pub(super) fn is_of(&self, session: i64, last_id: i64) -> bool {
        self.session == session && self.last_id <= last_id
    }

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

    /// Returns the number of known rows that the file lacks. 0 if the file cannot be read, because a later
    /// start may read it.
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

pub(super) fn max_rows_in(bytes: u64) -> u64 {
    bytes / MIN_ROW_BYTES
}

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
