//! Rows that were set aside because nothing accepted them. A start tries them again: the topic that refused
//! them may have been changed meanwhile, and another version may read what this one could not.

use super::limits::row_bytes;
use super::store::{Store, lanes};
use rusqlite::{Transaction, TransactionBehavior};

/// Rows that have a lane and whose id is free.
const RETURNING: &str = "parked.lane IN (SELECT id FROM lane) AND parked.id NOT IN (SELECT id FROM record)";

/// Puts parked rows back into their lanes, with their ids, and returns their number.
pub(super) fn try_again(store: &mut Store) -> rusqlite::Result<usize> {
    let connection = &store.connection;
    if !connection.prepare("SELECT 1 FROM parked")?.exists(())? {
        return Ok(0);
    }
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let of_lane = format!("FROM parked WHERE parked.lane = lane.id AND {RETURNING}");
    let bytes = format!("coalesce(sum({} + coalesce(length(payload), 0)), 0)", row_bytes(0));
    transaction.execute_batch(&format!(
        "UPDATE lane SET rows = rows + (SELECT count(*) {of_lane}), bytes = bytes + (SELECT {bytes} {of_lane});"
    ))?;
    let columns = "id, lane, appended_at, session, checksum, payload";
    let sql = format!("INSERT INTO record({columns}) SELECT {columns} FROM parked WHERE {RETURNING}");
    let rows = transaction.execute(&sql, ())?;
    transaction.execute("DELETE FROM parked WHERE id IN (SELECT id FROM record)", ())?;
    let last: i64 = transaction.query_row("SELECT max(id) FROM record", (), |row| row.get(0))?;
    transaction.commit()?;
    store.accounts.lanes = lanes(connection)?;
    // After a damage the ids of rows that were set aside may be beyond those that are known.
    store.accounts.next_id = store.accounts.next_id.max(last.saturating_add(1));
    Ok(rows)
}
