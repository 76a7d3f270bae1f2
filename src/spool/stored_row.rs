use rusqlite::{Connection, params};

#[derive(Debug, Clone)]
pub(super) struct StoredRow {
    pub(super) id: i64,
    pub(super) lane: i64,
    pub(super) appended_at: i64,
    pub(super) session: i64,
    pub(super) checksum: i64,
    pub(super) payload: Vec<u8>,
}

/// Covers id and lane too, so that swapped rows are detected.
pub(super) fn checksum(id: i64, lane: &str, appended_at: i64, session: i64, payload: &[u8]) -> i64 {
    let mut hasher = crc32fast::Hasher::new();
    for number in [id, appended_at, session] {
        hasher.update(&number.to_le_bytes());
    }
    hasher.update(&(lane.len() as u64).to_le_bytes());
    hasher.update(lane.as_bytes());
    hasher.update(payload);
    i64::from(hasher.finalize())
}

/// `payload` replaces that of `row`.
pub(super) fn insert(connection: &Connection, row: &StoredRow, payload: &[u8]) -> rusqlite::Result<()> {
    let sql = "INSERT INTO record(id, lane, appended_at, session, checksum, payload)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let values = params![row.id, row.lane, row.appended_at, row.session, row.checksum, payload];
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

/// Reads the columns `id, lane, appended_at, session, checksum, payload`.
pub(super) fn stored_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<StoredRow> {
    Ok(StoredRow {
        id: row.get(0)?,
        lane: row.get(1)?,
        appended_at: row.get(2)?,
        session: row.get(3)?,
        checksum: row.get(4)?,
        payload: row.get(5)?,
    })
}
