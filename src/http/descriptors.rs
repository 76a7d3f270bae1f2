//! Descriptors of the process: connections of strangers leave some to everything else.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors kept for the admin listener, Kafka, the spool and files.
const RESERVE: u64 = 160;

/// Raises the soft limit as far as `wanted` connections need, and returns the number of connections that fit
/// below it: at most `wanted`.
pub(super) fn connections_within_limit(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let needed = wanted as u64 + RESERVE;
    let hard = limit.maximum.unwrap_or(u64::MAX);
    let mut soft = limit.current.unwrap_or(u64::MAX);
    if soft < needed.min(hard) {
        let raised = Rlimit { current: Some(needed.min(hard)), maximum: limit.maximum };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            soft = needed.min(hard);
        }
    }
    let connections = fitting(soft, wanted);
    if connections < wanted {
        tracing::warn!(
            limit = soft,
            connections,
            needed,
            "the limit on open files is low: fewer connections are accepted at once; raise `ulimit -n` or LimitNOFILE"
        );
    }
    connections
}

/// Connections that fit below a limit on descriptors. A very low limit is shared out by quarters.
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
