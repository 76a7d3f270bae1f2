//! Parked rows, which nothing accepted. A start retries them, because the topic or the release may have
//! changed.

use super::lane_account::LaneAccount;
use super::schema::SpoolFault;
use super::store::SpoolStore;
use super::store_transaction::StoreTransaction;
use super::stored_row::{StoredRow, checksum, stored_row};
use std::sync::Arc;

#[derive(Debug, Default)]
pub(super) struct RetriedRows {
    pub(super) returned: u64,
    pub(super) damaged: u64,
}

/// Moves parked rows back into their lanes. A row whose id is taken stays parked. Nothing has changed after
/// an error.
pub(super) fn retry_parked(store: &mut SpoolStore) -> Result<RetriedRows, SpoolFault> {
    let mut retried = RetriedRows::default();
    let mut change = store.begin()?;
    let (mut after, mut last) = (i64::MIN, 0);
    change.accounts.lanes.iter_mut().for_each(LaneAccount::forget_parked);
    while let Some((id, row)) = next(&change, after)? {
        after = id;
        match row.and_then(|row| name_of(&change, &row).map(|name| (name, row))) {
            Some((name, row)) if is_taken(&change, id)? => {
                change.lane(&name)?.park(row.payload.len());
                continue;
            }
            Some((name, row)) => {
                change.copy(&name, row)?;
                (retried.returned, last) = (retried.returned + 1, id);
            }
            None => {
                keep_as_damaged(&change, id)?;
                retried.damaged += 1;
            }
        }
        change.transaction.prepare_cached("DELETE FROM parked WHERE id = ?1")?.execute([id])?;
    }
    if after == i64::MIN {
        return Ok(retried);
    }
    let mut accounts = change.commit()?;
    // After a damage, parked rows may have greater ids than the known ones.
    accounts.next_id = accounts.next_id.max(last.saturating_add(1));
    store.adopt(accounts);
    Ok(retried)
}

/// Without its content if a column has a wrong type.
fn next(change: &StoreTransaction<'_>, after: i64) -> rusqlite::Result<Option<(i64, Option<StoredRow>)>> {
    let mut statement = change.transaction.prepare_cached(
        "SELECT id, lane, appended_at, session, checksum, payload FROM parked WHERE id > ?1
         ORDER BY id LIMIT 1",
    )?;
    let mut rows = statement.query([after])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some((row.get(0)?, stored_row(row).ok())))
}

/// `None`: the row is damaged.
fn name_of(change: &StoreTransaction<'_>, row: &StoredRow) -> Option<Arc<str>> {
    let lane = change.accounts.lanes.iter().find(|lane| lane.id == row.lane)?;
    let found = checksum(row.id, &lane.name, row.appended_at, row.session, &row.payload);
    (found == row.checksum).then(|| Arc::clone(&lane.name))
}

fn is_taken(change: &StoreTransaction<'_>, id: i64) -> rusqlite::Result<bool> {
    change.transaction.prepare_cached("SELECT 1 FROM record WHERE id = ?1")?.exists([id])
}

fn keep_as_damaged(change: &StoreTransaction<'_>, id: i64) -> rusqlite::Result<usize> {
    let sql = "INSERT OR IGNORE INTO damaged SELECT * FROM parked WHERE id = ?1";
    change.transaction.prepare_cached(sql)?.execute([id])
}
