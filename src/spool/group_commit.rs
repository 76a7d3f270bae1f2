//! Effect of jobs in one transaction, and their outcomes.

use super::job_queue::SpoolJob;
use super::limits::{SpoolLimits, disk_bytes, row_bytes};
use super::store_transaction::{ParkOutcome, StoreTransaction};
use super::{AppendError, RowId, SpoolEntry};
use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{SystemTime, UNIX_EPOCH};

/// Work without a completion, kept until a commit succeeds.
#[derive(Default)]
pub(super) struct PendingWork {
    pub(super) deletes: BTreeSet<i64>,
    pub(super) set_aside: BTreeSet<i64>,
    /// There may be more identities than the limit.
    pub(super) forget: bool,
}

impl PendingWork {
    pub(super) fn next_deletes(&self, max: usize) -> Vec<i64> {
        self.deletes.iter().copied().take(max).collect()
    }

    pub(super) fn deleted(&mut self, ids: &[i64]) {
        for id in ids {
            self.deletes.remove(id);
        }
    }
}

pub(super) enum JobOutcome {
    Appended(Vec<RowId>),
    Refused(AppendError),
    Parked(bool),
}

#[derive(Default)]
pub(super) struct CommitCounts {
    pub(super) appended: u64,
    pub(super) deleted: u64,
    pub(super) parked: u64,
    pub(super) refused: u64,
}

pub(super) fn entries_of(job: &SpoolJob) -> &[SpoolEntry] {
    match job {
        SpoolJob::Append { entries, .. } => entries,
        SpoolJob::Replace { entry, .. } => std::slice::from_ref(entry),
        _ => &[],
    }
}

/// Applies a job, or refuses it if it does not fit.
pub(super) fn apply(
    change: &mut StoreTransaction<'_>,
    job: &SpoolJob,
    limits: SpoolLimits,
    on_disk: &mut u64,
    now: i64,
) -> rusqlite::Result<JobOutcome> {
    if let SpoolJob::Park { id, .. } = job {
        return Ok(JobOutcome::Parked(change.park(id.0)? != ParkOutcome::NoRow));
    }
    let entries = entries_of(job);
    let needed: u64 = entries.iter().map(|entry| disk_bytes(entry.payload.len())).sum();
    let freed = match job {
        SpoolJob::Replace { id, .. } => disk_bytes(change.payload_bytes(id.0)?),
        _ => 0,
    };
    if !limits.fits_in_place(*on_disk, needed, freed) {
        return Ok(JobOutcome::Refused(AppendError::Full));
    }
    if let Err(refused) = check_lanes(change, entries, limits) {
        return Ok(JobOutcome::Refused(refused));
    }
    if let SpoolJob::Replace { id, .. } = job {
        change.delete(id.0)?;
    }
    if let SpoolJob::Append { identity: Some(identity), .. } = job {
        change.remember(identity, now)?;
    }
    *on_disk = on_disk.saturating_add(needed).saturating_sub(freed);
    let ids = entries.iter().map(|entry| change.append(entry, now).map(RowId));
    Ok(JobOutcome::Appended(ids.collect::<rusqlite::Result<_>>()?))
}

fn check_lanes(
    change: &StoreTransaction<'_>,
    entries: &[SpoolEntry],
    limits: SpoolLimits,
) -> Result<(), AppendError> {
    let mut lanes: HashMap<&str, u64> = HashMap::new();
    for entry in entries {
        let bytes = lanes.entry(&entry.lane).or_insert_with(|| change.lane_bytes(&entry.lane));
        *bytes += row_bytes(entry.payload.len());
        limits.lane(*bytes, entry.max_lane_bytes)?;
    }
    Ok(())
}

/// Logs a panic of the job's callback.
pub(super) fn complete(job: SpoolJob, outcome: JobOutcome) {
    let completed = catch_unwind(AssertUnwindSafe(|| match (job, outcome) {
        (SpoolJob::Append { waiter, .. } | SpoolJob::Replace { waiter, .. }, JobOutcome::Appended(ids)) => {
            waiter.complete(Ok(&ids));
        }
        (SpoolJob::Append { waiter, .. } | SpoolJob::Replace { waiter, .. }, JobOutcome::Refused(why)) => {
            waiter.complete(Err(why));
        }
        (SpoolJob::Park { waiter, .. }, JobOutcome::Parked(true)) => waiter.complete(Ok(&[])),
        // Dropping the job completes it.
        _ => {}
    }));
    if completed.is_err() {
        tracing::error!("the callback of a spool job panicked; the spool continues: this is a bug");
    }
}

pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
