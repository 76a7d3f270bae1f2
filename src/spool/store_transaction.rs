//! Transaction: changes of rows, with the accounts of their lanes.

use super::lane_account::LaneAccount;
use super::stored_row::{StoredRow, checksum, insert};
use super::{Identity, SpoolEntry};
use rusqlite::{OptionalExtension, Transaction, params};
use std::sync::Arc;

#[derive(Clone)]
pub(super) struct SpoolAccounts {
    pub(super) lanes: Vec<LaneAccount>,
    pub(super) next_id: i64,
    pub(super) next_identity: i64,
}

/// Dropping it rolls it back.
pub(super) struct StoreTransaction<'a> {
    pub(super) transaction: Transaction<'a>,
    pub(super) accounts: SpoolAccounts,
    pub(super) session: i64,
}

impl StoreTransaction<'_> {
    pub(super) fn append(&mut self, entry: &SpoolEntry, now: i64) -> rusqlite::Result<i64> {
        let id = self.accounts.next_id;
        let session = if entry.handed_over { self.session } else { 0 };
        let lane = self.lane(&entry.lane)?;
        lane.add(entry.payload.len());
        let row = StoredRow {
            id,
            lane: lane.id,
            appended_at: now,
            session,
            checksum: checksum(id, &entry.lane, now, session, &entry.payload),
            payload: Vec::new(),
        };
        insert(&self.transaction, &row, &entry.payload)?;
        self.accounts.next_id += 1;
        Ok(id)
    }

    /// Creates a missing account.
    pub(super) fn lane(&mut self, name: &Arc<str>) -> rusqlite::Result<&mut LaneAccount> {
        let lanes = &mut self.accounts.lanes;
        let at = match lanes.iter().position(|lane| lane.name == *name) {
            Some(at) => at,
            None => {
                self.transaction.execute("INSERT INTO lane(name, rows, bytes) VALUES (?1, 0, 0)", [name])?;
                let id = self.transaction.last_insert_rowid();
                lanes.push(LaneAccount::new(id, name.clone()));
                lanes.len() - 1
            }
        };
        Ok(&mut lanes[at])
    }

    /// Includes parked rows.
    pub(super) fn lane_bytes(&self, name: &str) -> u64 {
        self.accounts.lanes.iter().find(|lane| *lane.name == *name).map_or(0, LaneAccount::all_bytes)
    }

    /// 0 if the row does not exist.
    pub(super) fn payload_bytes(&self, id: i64) -> rusqlite::Result<usize> {
        let sql = "SELECT coalesce(length(payload), 0) FROM record WHERE id = ?1";
        let bytes =
            self.transaction.prepare_cached(sql)?.query_row([id], |row| row.get::<_, i64>(0)).optional()?;
        Ok(bytes.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0))
    }

    /// Returns whether the row existed.
    pub(super) fn delete(&mut self, id: i64) -> rusqlite::Result<bool> {
        self.delete_with(id, LaneAccount::take)
    }

    fn delete_with(&mut self, id: i64, count: impl Fn(&mut LaneAccount, usize)) -> rusqlite::Result<bool> {
        let gone: Option<(i64, i64)> = self
            .transaction
            .prepare_cached("DELETE FROM record WHERE id = ?1 RETURNING lane, coalesce(length(payload), 0)")?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((lane, payload)) = gone else { return Ok(false) };
        if let Some(lane) = self.accounts.lanes.iter_mut().find(|account| account.id == lane) {
            count(lane, usize::try_from(payload).unwrap_or(0));
        }
        Ok(true)
    }

    /// Keeps the row's id.
    pub(super) fn copy(&mut self, name: &Arc<str>, mut row: StoredRow) -> rusqlite::Result<()> {
        let lane = self.lane(name)?;
        lane.add(row.payload.len());
        row.lane = lane.id;
        insert(&self.transaction, &row, &row.payload)
    }

    pub(super) fn keep(&self, table: &str, row: &StoredRow) -> rusqlite::Result<()> {
        let sql = format!(
            "INSERT OR IGNORE INTO {table}(id, lane, appended_at, session, checksum, payload)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
        );
        let values = params![row.id, row.lane, row.appended_at, row.session, row.checksum, row.payload];
        self.transaction.prepare_cached(&sql)?.execute(values).map(drop)
    }

    pub(super) fn start_after(&self, id: i64, session: i64) -> rusqlite::Result<()> {
        self.transaction.execute("DELETE FROM sqlite_sequence WHERE name = 'record'", ())?;
        self.transaction.execute("INSERT INTO sqlite_sequence(name, seq) VALUES ('record', ?1)", [id])?;
        self.transaction.execute("UPDATE meta SET value = ?1 WHERE key = 'session'", [session]).map(drop)
    }

    pub(super) fn set_aside(&mut self, id: i64) -> rusqlite::Result<bool> {
        self.keep_in("damaged", id)?;
        self.delete(id)
    }

    pub(super) fn park(&mut self, id: i64) -> rusqlite::Result<ParkOutcome> {
        let is_kept = self.keep_in("parked", id)? > 0;
        let count = |lane: &mut LaneAccount, payload| {
            lane.take(payload);
            if is_kept {
                lane.park(payload);
            }
        };
        if self.delete_with(id, count)? {
            return Ok(ParkOutcome::Now);
        }
        let mut statement = self.transaction.prepare_cached("SELECT 1 FROM parked WHERE id = ?1")?;
        Ok(if statement.exists([id])? { ParkOutcome::Before } else { ParkOutcome::NoRow })
    }

    fn keep_in(&self, table: &str, id: i64) -> rusqlite::Result<usize> {
        let sql = format!(
            "INSERT OR IGNORE INTO {table}(id, lane, appended_at, session, checksum, payload)
             SELECT id, lane, appended_at, session, checksum, payload FROM record WHERE id = ?1"
        );
        self.transaction.prepare_cached(&sql)?.execute([id])
    }

    pub(super) fn remember(&mut self, identity: &Identity, at: i64) -> rusqlite::Result<()> {
        self.remember_as(self.accounts.next_identity, identity, at)?;
        self.accounts.next_identity = self.accounts.next_identity.saturating_add(1);
        Ok(())
    }

    pub(super) fn remember_as(&self, id: i64, identity: &Identity, at: i64) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO remembered(id, identity, at) VALUES (?1, ?2, ?3)";
        self.transaction.prepare_cached(sql)?.execute(params![id, identity, at]).map(drop)
    }

    /// Deletes up to `max` identities, oldest first, and keeps the newest `keep`.
    pub(super) fn forget(&self, keep: usize, max: usize) -> rusqlite::Result<usize> {
        let first = self.accounts.next_identity.saturating_sub_unsigned(keep as u64);
        let sql = "DELETE FROM remembered
                   WHERE id IN (SELECT id FROM remembered WHERE id < ?1 ORDER BY id LIMIT ?2)";
        self.transaction.prepare_cached(sql)?.execute(params![first, max as i64])
    }

    /// Commits and writes the log back, because the log of a large copy must stay small. Does not commit the
    /// accounts.
    pub(super) fn flush(&self) -> rusqlite::Result<()> {
        self.transaction.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE); BEGIN IMMEDIATE")
    }

    /// Tests whether the disk accepts appends of that size.
    pub(super) fn probe(&self, bytes: usize) -> rusqlite::Result<()> {
        self.transaction
            .execute("INSERT OR REPLACE INTO meta VALUES ('probe', zeroblob(?1))", [bytes as i64])
            .map(drop)
    }

    pub(super) fn commit(mut self) -> rusqlite::Result<SpoolAccounts> {
        for lane in self.accounts.lanes.iter_mut().filter(|lane| lane.changed) {
            self.transaction
                .prepare_cached(
                    "UPDATE lane SET rows = ?2, bytes = ?3, parked_rows = ?4, parked_bytes = ?5 WHERE id = ?1",
                )?
                .execute(params![
                    lane.id,
                    lane.rows as i64,
                    lane.bytes as i64,
                    lane.parked_rows as i64,
                    lane.parked_bytes as i64
                ])?;
            lane.changed = false;
        }
        self.transaction.commit()?;
        Ok(self.accounts)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ParkOutcome {
    Now,
    Before,
    NoRow,
}
