//! What a group of jobs does in its transaction, and how each of them ends.

use super::limits::{Limits, coming_bytes, row_bytes};
use super::queue::Job;
use super::store::{Change, Parked};
use super::{Entry, Refused, RowId};
use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{SystemTime, UNIX_EPOCH};

/// What is done sooner or later, also when the disk fails in between.
#[derive(Default)]
pub(super) struct Work {
    pub(super) deletes: BTreeSet<i64>,
    pub(super) set_aside: BTreeSet<i64>,
    /// More identities may be kept than the limit allows.
    pub(super) forget: bool,
}

impl Work {
    /// The rows to be deleted next.
    pub(super) fn next_deletes(&self, most: usize) -> Vec<i64> {
        self.deletes.iter().copied().take(most).collect()
    }

    pub(super) fn deleted(&mut self, ids: &[i64]) {
        for id in ids {
            self.deletes.remove(id);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.deletes.is_empty() && self.set_aside.is_empty() && !self.forget
    }
}

/// How a waiting job ends once its transaction is committed.
pub(super) enum Verdict {
    Appended(Vec<RowId>),
    Refused(Refused),
    Parked(bool),
}

/// What a group did.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) appended: u64,
    pub(super) deleted: u64,
    pub(super) parked: u64,
    pub(super) refused: u64,
}

pub(super) fn entries_of(job: &Job) -> &[Entry] {
    match job {
        Job::Append { entries, .. } => entries,
        Job::Replace { entry, .. } => std::slice::from_ref(entry),
        _ => &[],
    }
}

/// Does a job in the transaction, or says why not.
pub(super) fn carry_out(
    change: &mut Change<'_>,
    job: &Job,
    limits: Limits,
    on_disk: &mut u64,
    now: i64,
) -> rusqlite::Result<Verdict> {
    if let Job::Park { id, .. } = job {
        return Ok(Verdict::Parked(change.park(id.0)? != Parked::NoRow));
    }
    let entries = entries_of(job);
    let coming = entries.iter().map(|entry| coming_bytes(entry.payload.len())).sum();
    if let Err(refused) = room(change, entries, limits, *on_disk, coming) {
        return Ok(Verdict::Refused(refused));
    }
    if let Job::Replace { id, .. } = job {
        change.delete(id.0)?;
    }
    if let Job::Append { identity: Some(identity), .. } = job {
        change.remember(identity, now)?;
    }
    *on_disk += coming;
    let ids = entries.iter().map(|entry| change.append(entry, now).map(RowId));
    Ok(Verdict::Appended(ids.collect::<rusqlite::Result<_>>()?))
}

/// Whether all of it fits.
fn room(
    change: &Change<'_>,
    entries: &[Entry],
    limits: Limits,
    on_disk: u64,
    coming: u64,
) -> Result<(), Refused> {
    if !limits.fits(on_disk, coming) {
        return Err(Refused::Full);
    }
    let mut lanes: HashMap<&str, u64> = HashMap::new();
    for entry in entries {
        let bytes = lanes.entry(&entry.lane).or_insert_with(|| change.lane_bytes(&entry.lane));
        *bytes += row_bytes(entry.payload.len());
        limits.lane(*bytes, entry.max_lane_bytes)?;
    }
    Ok(())
}

/// Tells a waiting job how it ended. A waiter that panics takes nobody along.
pub(super) fn tell(job: Job, verdict: Verdict) {
    let told = catch_unwind(AssertUnwindSafe(|| match (job, verdict) {
        (Job::Append { waiter, .. } | Job::Replace { waiter, .. }, Verdict::Appended(ids)) => {
            waiter.tell(Ok(&ids));
        }
        (Job::Append { waiter, .. } | Job::Replace { waiter, .. }, Verdict::Refused(why)) => {
            waiter.tell(Err(why));
        }
        (Job::Park { waiter, .. }, Verdict::Parked(true)) => waiter.tell(Ok(&[])),
        // Dropping a waiter tells it.
        _ => {}
    }));
    if told.is_err() {
        tracing::error!("a waiter of the spool panicked; the spool goes on");
    }
}

pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
