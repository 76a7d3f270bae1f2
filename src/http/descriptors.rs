//! Limit on file descriptors. Connections leave a reserve for the rest of the process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors kept for the admin listener, Kafka, the spool and files.
const RESERVE: u64 = 160;

/// Connections that the ingress accepts at once, over all workers, if the limit on descriptors allows it.
///
/// docs/HARDENING.md has the cost of one.
const MAX_CONNECTIONS: usize = 4096;

/// Limit that all connections and the reserve need.
const NEEDED: u64 = MAX_CONNECTIONS as u64 + RESERVE;

/// Limit on descriptors, and the number of connections that it allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DescriptorLimit {
    /// Limit in force, after the soft limit is raised as far as useful and allowed.
    pub limit: u64,
    /// Limit that all connections need.
    pub needed: u64,
    /// Connections that the ingress accepts at once.
    pub connections: usize,
}

impl DescriptorLimit {
    /// Reads the limits of this process.
    pub fn read() -> Self {
        Self::of(getrlimit(Resource::Nofile))
    }

    fn of(limits: Rlimit) -> Self {
        let raised = NEEDED.min(limits.maximum.unwrap_or(u64::MAX));
        Self::at(limits.current.unwrap_or(u64::MAX).max(raised))
    }

    fn at(limit: u64) -> Self {
        Self { limit, needed: NEEDED, connections: fitting(limit, MAX_CONNECTIONS) }
    }

    /// Returns whether fewer connections are accepted than the ingress could serve.
    pub fn is_low(&self) -> bool {
        self.connections < MAX_CONNECTIONS
    }
}

/// Raises the soft limit as far as connections need, and returns the number of connections that fit below it.
pub(super) fn connections_within_limit() -> usize {
    let limits = getrlimit(Resource::Nofile);
    let mut found = DescriptorLimit::of(limits);
    let current = limits.current.unwrap_or(u64::MAX);
    if current < found.limit {
        let raised = Rlimit { current: Some(found.limit), maximum: limits.maximum };
        if setrlimit(Resource::Nofile, raised).is_err() {
            found = DescriptorLimit::at(current);
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

/// Returns the number of connections that a limit on descriptors allows: all but the reserve, and at least a
/// quarter.
fn fitting(limit: u64, wanted: usize) -> usize {
    let left = limit.saturating_sub(RESERVE).max(limit / 4);
    usize::try_from(left).map_or(wanted, |left| left.min(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_the_reserve() {
        assert_eq!(fitting(u64::MAX, 4096), 4096);
        assert_eq!(fitting(4096 + RESERVE, 4096), 4096);
        assert_eq!(fitting(1024, 4096), 864);
        assert_eq!(fitting(256, 4096), 96);
        assert_eq!(fitting(64, 4096), 16);
    }
}
