//! What fits: the arithmetic of the byte limits.

use super::{Config, Refused};

/// What a row takes in a lane's account besides its payload.
pub(super) const ROW_BYTES: u64 = 64;
/// Pages that any transaction may touch besides those of its rows.
const TRANSACTION_BYTES: u64 = 64 * 1024;
/// What a body of a mebibyte takes.
const LARGE_ENTRY_BYTES: u64 = 2 * 1024 * 1024;
const LARGEST_RESERVE: u64 = 4 * 1024 * 1024;
/// Bytes of an event identity on disk, and the share of `max_bytes` that identities take at most.
const IDENTITY_BYTES: u64 = 33;
const IDENTITIES_SHARE: u64 = 16;

#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) max_bytes: u64,
    lane_bytes: u64,
    /// Bytes of the reserve.
    pub(super) reserve: u64,
    /// The write-ahead log is written back when it is larger. What is written back on a full disk has
    /// to fit the reserve, so this is less.
    pub(super) wal: u64,
    /// Event identities kept at most.
    pub(super) identities: usize,
}

impl Limits {
    /// `identities`: the number of event identities to keep, unless that is more than their share.
    pub(super) fn new(config: &Config, identities: usize) -> Self {
        let max_bytes = config.max_bytes;
        let share = u128::from(max_bytes) * u128::from(config.max_lane_share) / 100;
        let reserve = LARGEST_RESERVE.min(max_bytes / 8);
        let most_identities = max_bytes / IDENTITIES_SHARE / IDENTITY_BYTES;
        Self {
            max_bytes,
            lane_bytes: u64::try_from(share).unwrap_or(u64::MAX),
            reserve,
            wal: reserve / 2,
            identities: identities.min(usize::try_from(most_identities).unwrap_or(usize::MAX)),
        }
    }

    /// Whether `coming` bytes may be added to what is on disk.
    pub(super) fn fits(&self, on_disk: u64, coming: u64) -> bool {
        on_disk.saturating_add(coming).saturating_add(TRANSACTION_BYTES) <= self.max_bytes
    }

    /// Whether there is room for a large entry, so that it can be said to take what comes.
    pub(super) fn takes(&self, on_disk: u64) -> bool {
        self.fits(on_disk, LARGE_ENTRY_BYTES.min(self.max_bytes / 4))
    }

    /// Whether a payload fits where nothing else is.
    pub(super) fn may_take(&self, payload: usize, own_limit: Option<u64>) -> bool {
        self.fits(0, coming_bytes(payload)) && self.lane(row_bytes(payload), own_limit).is_ok()
    }

    /// Whether a lane that would hold `bytes` may do so.
    pub(super) fn lane(&self, bytes: u64, own_limit: Option<u64>) -> Result<(), Refused> {
        if bytes <= self.lane_bytes.min(own_limit.unwrap_or(u64::MAX)) {
            Ok(())
        } else {
            Err(Refused::LaneFull)
        }
    }
}

/// What a row takes in its lane's account.
pub(super) fn row_bytes(payload: usize) -> u64 {
    payload as u64 + ROW_BYTES
}

/// What a row takes on disk: once in the write-ahead log and once in the file.
pub(super) fn coming_bytes(payload: usize) -> u64 {
    2 * row_bytes(payload)
}
