//! What waits in a spool, for a person: beside a running bridge or when none runs.

use super::record_codec;
use crate::record::Record;
use crate::spool::{InspectedRow, Inspection, Kept, LaneStatus, OpenError, ReadError, RowId};
use chrono::{DateTime, Utc};
use std::path::Path;
use std::sync::Arc;

/// Rows that are read at once: few, so that no read holds up the writer's checkpoints.
const PAGE: usize = 256;

/// A spool that is looked into.
pub struct SpoolView {
    spool: Inspection,
}

/// A lane that holds records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolTopic {
    /// The topic.
    pub topic: String,
    /// Records that wait.
    pub records: u64,
    /// Their bytes, as the lane's share counts them.
    pub bytes: u64,
    /// When the oldest of them was spooled.
    pub oldest: Option<DateTime<Utc>>,
}

/// A record that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolRecord {
    /// Its place in the spool.
    pub row: i64,
    /// The topic.
    pub topic: Arc<str>,
    /// When it was spooled.
    pub spooled_at: DateTime<Utc>,
    /// `None`: it is damaged.
    pub record: Option<Record>,
}

impl SpoolView {
    /// Looks into the spool in that directory.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        Ok(Self { spool: Inspection::open(directory)? })
    }

    /// The lanes that hold records, by topic.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub fn lanes(&self) -> Result<Vec<SpoolTopic>, ReadError> {
        let lane = |lane: LaneStatus| SpoolTopic {
            topic: lane.name.to_string(),
            records: lane.rows,
            bytes: lane.bytes,
            oldest: lane.oldest.and_then(DateTime::from_timestamp_millis),
        };
        Ok(self.spool.lanes()?.into_iter().map(lane).collect())
    }

    /// Records that were set aside, for they are damaged or nothing takes them.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub fn set_aside(&self) -> Result<u64, ReadError> {
        self.spool.set_aside().map(|set_aside| set_aside.damaged + set_aside.parked)
    }

    /// Returns every record that waits, in the order in which they were spooled.
    pub fn records(&self) -> impl Iterator<Item = Result<SpoolRecord, ReadError>> {
        self.kept(Kept::Waiting)
    }

    /// Returns every record that was set aside, in the order in which they were spooled.
    pub fn records_set_aside(&self) -> impl Iterator<Item = Result<SpoolRecord, ReadError>> {
        self.kept(Kept::SetAside)
    }

    fn kept(&self, kept: Kept) -> impl Iterator<Item = Result<SpoolRecord, ReadError>> {
        let mut after = Some(RowId(0));
        std::iter::from_fn(move || {
            let page = match self.spool.page(kept, after?, PAGE) {
                Ok(page) => page,
                Err(error) => {
                    after = None;
                    return Some(vec![Err(error)]);
                }
            };
            after = page.last().map(|row| row.id);
            (!page.is_empty()).then(|| page.into_iter().map(|row| Ok(record(row))).collect::<Vec<_>>())
        })
        .flatten()
    }
}

fn record(row: InspectedRow) -> SpoolRecord {
    let record = if row.intact { record_codec::decode(&row.lane, row.payload) } else { None };
    SpoolRecord {
        row: row.id.0,
        topic: row.lane,
        spooled_at: DateTime::from_timestamp_millis(row.appended_at).unwrap_or_default(),
        record,
    }
}
