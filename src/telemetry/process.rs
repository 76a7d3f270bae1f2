//! What the system says of the process. Linux tells it in `/proc`; elsewhere all but the start is 0.

use super::catalogue;
use super::metrics::register;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::fs;
use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};

/// The unit of times in `/proc`: the same on every machine that Linux runs on today, whatever its clock.
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Debug)]
pub(super) struct ProcessMetrics {
    cpu: Counter<f64, AtomicU64>,
    memory: Gauge,
    open_files: Gauge,
    max_files: Gauge,
    threads: Gauge,
}

impl ProcessMetrics {
    /// Takes now for the process's start.
    pub(super) fn register(registry: &mut Registry) -> Self {
        register(registry, &catalogue::STARTED, Gauge::<i64>::default()).set(now());
        Self {
            cpu: register(registry, &catalogue::CPU, Counter::default()),
            memory: register(registry, &catalogue::MEMORY, Gauge::default()),
            open_files: register(registry, &catalogue::OPEN_FILES, Gauge::default()),
            max_files: register(registry, &catalogue::MAX_FILES, Gauge::default()),
            threads: register(registry, &catalogue::THREADS, Gauge::default()),
        }
    }

    /// Asks the system.
    pub(super) fn look(&self) {
        if let Some(seconds) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(cpu_seconds) {
            self.cpu.inc_by((seconds - self.cpu.get()).max(0.0));
        }
        if let Ok(status) = fs::read_to_string("/proc/self/status") {
            self.memory.set(field(&status, "VmRSS:").unwrap_or(0) * 1024);
            self.threads.set(field(&status, "Threads:").unwrap_or(0));
        }
        if let Ok(limits) = fs::read_to_string("/proc/self/limits") {
            self.max_files.set(field(&limits, "Max open files").unwrap_or(0));
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            // Without the one that this looks through.
            self.open_files.set(i64::try_from(open.count()).unwrap_or(i64::MAX).saturating_sub(1));
        }
    }
}

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// User and system time. The second field is the program's name, which may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some((ticks(11)? + ticks(12)?) as f64 / TICKS_PER_SECOND)
}

fn field(status: &str, name: &str) -> Option<i64> {
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests;
