//! Read-only view of a spool, beside a running bridge or without one.

use super::record_codec;
use crate::record::Record;
use crate::spool::{InspectedRow, Inspection, LaneStatus, OpenError, ReadError, RowId, RowSelection};
use chrono::{DateTime, Utc};
use std::path::Path;
use std::sync::Arc;

/// Rows of one read, few so as not to delay the writer's checkpoints.
const PAGE: usize = 256;

pub(crate) struct SpoolView {
    spool: Inspection,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SpoolTopic {
    pub topic: String,
    pub records: u64,
    /// As the limit of the lane counts them.
    pub bytes: u64,
    pub oldest: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SpoolRecord {
    pub row: i64,
    pub topic: Arc<str>,
    pub spooled_at: DateTime<Utc>,
    /// `None`: damaged.
    pub record: Option<Record>,
}

impl SpoolView {
    pub(crate) fn open(directory: &Path) -> Result<Self, OpenError> {
        Ok(Self { spool: Inspection::open(directory)? })
    }

    pub(crate) fn lanes(&self) -> Result<Vec<SpoolTopic>, ReadError> {
        let lane = |lane: LaneStatus| SpoolTopic {
            topic: lane.name.to_string(),
            records: lane.rows,
            bytes: lane.bytes,
            oldest: lane.oldest.and_then(DateTime::from_timestamp_millis),
        };
        Ok(self.spool.lanes()?.into_iter().map(lane).collect())
    }

    /// Returns the number of records set aside, because they are damaged or no topic accepts them.
    pub(crate) fn set_aside(&self) -> Result<u64, ReadError> {
        self.spool.set_aside().map(|set_aside| set_aside.damaged + set_aside.parked)
    }

    /// Returns the waiting records in spooling order.
    pub(crate) fn records(&self) -> impl Iterator<Item = Result<SpoolRecord, ReadError>> {
        self.kept(RowSelection::Waiting)
    }

    /// Returns the records set aside in spooling order.
    pub(crate) fn records_set_aside(&self) -> impl Iterator<Item = Result<SpoolRecord, ReadError>> {
        self.kept(RowSelection::SetAside)
    }

    fn kept(&self, kept: RowSelection) -> impl Iterator<Item = Result<SpoolRecord, ReadError>> {
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
