//! The tools share no code with the bridge.
#![allow(dead_code, reason = "a support kit may offer more than the tests of one day use")]

pub(crate) mod bridge;
pub(crate) mod cache;
pub(crate) mod clock;
pub(crate) mod collector;
pub(crate) mod command;
pub(crate) mod consume;
pub(crate) mod disk;
pub(crate) mod go;
pub(crate) mod golden;
pub(crate) mod http;
pub(crate) mod java;
pub(crate) mod kafka;
pub(crate) mod load;
pub(crate) mod murmur2;
pub(crate) mod node;
pub(crate) mod process;
pub(crate) mod promtool;
pub(crate) mod proxy;
pub(crate) mod python;
pub(crate) mod rng;
pub(crate) mod secured;
pub(crate) mod shim;
pub(crate) mod verdict;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Unique in all runs, so that tests can share a cluster.
pub(crate) fn topic_name(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{prefix}-{:x}-{:x}-{number}", since_1970.as_millis(), std::process::id())
}
