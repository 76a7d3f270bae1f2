//! Byte limits of the spool.

use super::{AppendError, Config};

pub(super) const ROW_BYTES: u64 = 64;
/// Pages that any transaction may change besides those of its rows, in bytes.
const TRANSACTION_BYTES: u64 = 64 * 1024;
const LARGE_ENTRY_BYTES: u64 = 2 * 1024 * 1024;
const MAX_RESERVE: u64 = 4 * 1024 * 1024;
/// Bytes of an event identity, and the divisor of `max_bytes` for the space of identities.
const IDENTITY_BYTES: u64 = 33;
const IDENTITIES_SHARE: u64 = 16;

#[derive(Debug, Clone, Copy)]
pub(super) struct SpoolLimits {
    pub(super) max_bytes: u64,
    lane_bytes: u64,
    pub(super) reserve: u64,
    /// Size of the log above which it is written back. Less than the reserve, into which the pages must fit
    /// on a full disk.
    pub(super) wal: u64,
    pub(super) identities: usize,
}

impl SpoolLimits {
    /// The disk's share for identities may reduce their number.
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

    pub(super) fn fits(&self, on_disk: u64, needed: u64) -> bool {
        on_disk.saturating_add(needed).saturating_add(TRANSACTION_BYTES) <= self.max_bytes
    }

    /// Returns whether `needed` bytes fit after the transaction has freed others. A replacement may use the
    /// space that [`SpoolLimits::fits`] keeps, because a full spool of refused rows could not be emptied
    /// otherwise.
    pub(super) fn fits_in_place(&self, on_disk: u64, needed: u64, freed: u64) -> bool {
        let growth = needed.saturating_sub(freed);
        let may_use_all = freed > 0 && on_disk.saturating_add(growth) <= self.max_bytes;
        may_use_all || self.fits(on_disk, needed)
    }

    /// Returns whether a large entry fits. Then the spool counts as writable.
    pub(super) fn accepts_large(&self, on_disk: u64) -> bool {
        self.fits(on_disk, LARGE_ENTRY_BYTES.min(self.max_bytes / 4))
    }

    pub(super) fn can_hold(&self, payload: usize, own_limit: Option<u64>) -> bool {
        self.fits(0, disk_bytes(payload)) && self.lane(row_bytes(payload), own_limit).is_ok()
    }

    pub(super) fn lane(&self, bytes: u64, own_limit: Option<u64>) -> Result<(), AppendError> {
        if bytes <= self.lane_bytes.min(own_limit.unwrap_or(u64::MAX)) {
            Ok(())
        } else {
            Err(AppendError::LaneFull)
        }
    }
}

/// Bytes in the account of the lane.
pub(super) fn row_bytes(payload: usize) -> u64 {
    payload as u64 + ROW_BYTES
}

/// Bytes in the write-ahead log and in the file.
pub(super) fn disk_bytes(payload: usize) -> u64 {
    2 * row_bytes(payload)
}
