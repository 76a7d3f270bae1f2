//! Byte limits of the spool.

use super::{AppendError, Config};

/// Bytes that the account of a lane counts for each row besides its payload.
pub(super) const ROW_BYTES: u64 = 64;
/// Bytes of the pages that any transaction may change besides those of its rows.
const TRANSACTION_BYTES: u64 = 64 * 1024;
/// Bytes that a large event needs on disk.
const LARGE_ENTRY_BYTES: u64 = 2 * 1024 * 1024;
const MAX_RESERVE: u64 = 4 * 1024 * 1024;
/// Bytes of an event identity on disk, and the divisor of `max_bytes` for the space of identities.
const IDENTITY_BYTES: u64 = 33;
const IDENTITIES_SHARE: u64 = 16;

#[derive(Debug, Clone, Copy)]
pub(super) struct SpoolLimits {
    pub(super) max_bytes: u64,
    lane_bytes: u64,
    /// Bytes of the reserve.
    pub(super) reserve: u64,
    /// Size of the write-ahead log above which it is written back. Less than the reserve, because on a full
    /// disk the written pages must fit into it.
    pub(super) wal: u64,
    /// Limit on event identities.
    pub(super) identities: usize,
}

impl SpoolLimits {
    /// `identities` is the wanted number of event identities; their share of the disk may reduce it.
    pub(super) fn new(config: &Config, identities: usize) -> Self {
        let max_bytes = config.max_bytes;
        let share = u128::from(max_bytes) * u128::from(config.max_lane_share) / 100;
        let reserve = MAX_RESERVE.min(max_bytes / 8);
        let most_identities = max_bytes / IDENTITIES_SHARE / IDENTITY_BYTES;
        Self {
            max_bytes,
            lane_bytes: u64::try_from(share).unwrap_or(u64::MAX),
            reserve,
            wal: reserve / 2,
            identities: identities.min(usize::try_from(most_identities).unwrap_or(usize::MAX)),
        }
    }

    /// Returns whether `needed` bytes fit in addition to those on disk.
    pub(super) fn fits(&self, on_disk: u64, needed: u64) -> bool {
        on_disk.saturating_add(needed).saturating_add(TRANSACTION_BYTES) <= self.max_bytes
    }

    /// Returns whether `needed` bytes fit after the same transaction has freed others.
    ///
    /// A replacement may use the space that [`SpoolLimits::fits`] keeps for a transaction. Otherwise a full
    /// spool of rows that Kafka refuses could not be emptied.
    pub(super) fn fits_in_place(&self, on_disk: u64, needed: u64, freed: u64) -> bool {
        let growth = needed.saturating_sub(freed);
        let may_use_all = freed > 0 && on_disk.saturating_add(growth) <= self.max_bytes;
        may_use_all || self.fits(on_disk, needed)
    }

    /// Returns whether a large entry fits, so that the spool counts as writable.
    pub(super) fn accepts_large(&self, on_disk: u64) -> bool {
        self.fits(on_disk, LARGE_ENTRY_BYTES.min(self.max_bytes / 4))
    }

    /// Returns whether a payload fits into an empty spool and lane.
    pub(super) fn can_hold(&self, payload: usize, own_limit: Option<u64>) -> bool {
        self.fits(0, disk_bytes(payload)) && self.lane(row_bytes(payload), own_limit).is_ok()
    }

    /// Returns an error if a lane must not hold `bytes`.
    pub(super) fn lane(&self, bytes: u64, own_limit: Option<u64>) -> Result<(), AppendError> {
        if bytes <= self.lane_bytes.min(own_limit.unwrap_or(u64::MAX)) {
            Ok(())
        } else {
            Err(AppendError::LaneFull)
        }
    }
}

/// Returns the bytes of a row in the account of its lane.
pub(super) fn row_bytes(payload: usize) -> u64 {
    payload as u64 + ROW_BYTES
}

/// Returns the bytes of a row on disk: in the write-ahead log and in the file.
pub(super) fn disk_bytes(payload: usize) -> u64 {
    2 * row_bytes(payload)
}
