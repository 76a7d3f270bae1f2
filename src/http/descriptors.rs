//! Limit on file descriptors. Connections leave a reserve for the rest of the process.

use super::admin;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Kept for Kafka, the spool and files.
const BASE_RESERVE: u64 = 64;

/// Each worker has four descriptors of its own, and the rounding of connections.
const WORKER_RESERVE: u64 = 5;

/// Limit over all workers, if the limit on descriptors allows it. docs/operations/hardening.md has the cost
/// of one.
const MAX_CONNECTIONS: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DescriptorLimit {
    /// Limit in force, after the soft limit is raised.
    pub limit: u64,
    pub needed: u64,
    pub connections: usize,
}

impl DescriptorLimit {
    pub(crate) fn read(workers: usize) -> Self {
        Self::of(getrlimit(Resource::Nofile), workers)
    }

    fn of(limits: Rlimit, workers: usize) -> Self {
        let raised = needed(workers).min(limits.maximum.unwrap_or(u64::MAX));
        Self::at(limits.current.unwrap_or(u64::MAX).max(raised), workers)
    }

    fn at(limit: u64, workers: usize) -> Self {
        Self { limit, needed: needed(workers), connections: fitting(limit, workers) }
    }

    pub(crate) fn is_low(&self) -> bool {
        self.connections < MAX_CONNECTIONS
    }
}

/// Raises the soft limit as far as connections need, and returns the number that fits.
pub(super) fn connections_within_limit(workers: usize) -> usize {
    let limits = getrlimit(Resource::Nofile);
    let mut found = DescriptorLimit::of(limits, workers);
    let current = limits.current.unwrap_or(u64::MAX);
    if current < found.limit {
        let raised = Rlimit { current: Some(found.limit), maximum: limits.maximum };
        if setrlimit(Resource::Nofile, raised).is_err() {
            found = DescriptorLimit::at(current, workers);
        }
    }
    if found.is_low() {
        tracing::warn!(
            limit = found.limit,
            connections = found.connections,
            needed = found.needed,
            "the limit on open files is low: fewer connections are accepted at once; raise `ulimit -n` or LimitNOFILE"
        );
    }
    found.connections
}

fn reserve(workers: usize) -> u64 {
    let workers = (workers as u64).saturating_mul(WORKER_RESERVE);
    workers.saturating_add(BASE_RESERVE + admin::MAX_OPEN_CONNECTIONS as u64)
}

fn needed(workers: usize) -> u64 {
    reserve(workers).saturating_add(MAX_CONNECTIONS as u64)
}

/// Returns the number of connections that a limit allows: all but the reserve, and at least a sixteenth.
fn fitting(limit: u64, workers: usize) -> usize {
    let left = limit.saturating_sub(reserve(workers)).max(limit / 16);
    usize::try_from(left).map_or(MAX_CONNECTIONS, |left| left.min(MAX_CONNECTIONS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_the_reserve() {
        assert_eq!(fitting(u64::MAX, 2), 4096);
        assert_eq!(fitting(needed(2), 2), 4096);
        assert_eq!(fitting(needed(2) - 1, 2), 4095);
        assert_eq!(fitting(1024, 2), 822);
        assert_eq!(fitting(256, 2), 54);
        assert_eq!(fitting(64, 2), 4);
    }

    #[test]
    fn reserve_grows_with_the_workers() {
        assert_eq!(reserve(1), 64 + 128 + 5);
        assert_eq!(reserve(64), 64 + 128 + 320);
        assert_eq!(needed(64), 4096 + reserve(64));
        assert_eq!(fitting(1024, 64), 512);
        assert_eq!(fitting(u64::MAX, usize::MAX), 4096);
    }
}
