//! Metrics of the process from `/proc`. Other systems than Linux report only the start time.

use super::catalogue;
use super::registry::register;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::fs;
use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};

/// Clock ticks a second in `/proc`: 100 on every current Linux architecture.
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
    pub(super) fn register(registry: &mut Registry) -> Self {
        register(registry, &catalogue::STARTED, Gauge::<i64>::default()).set(unix_seconds());
        Self {
            cpu: register(registry, &catalogue::CPU, Counter::default()),
            memory: register(registry, &catalogue::MEMORY, Gauge::default()),
            open_files: register(registry, &catalogue::OPEN_FILES, Gauge::default()),
            max_files: register(registry, &catalogue::MAX_FILES, Gauge::default()),
            threads: register(registry, &catalogue::THREADS, Gauge::default()),
        }
    }

    pub(super) fn update(&self) {
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
            // Without the descriptor that reads the directory.
            self.open_files.set(i64::try_from(open.count()).unwrap_or(i64::MAX).saturating_sub(1));
        }
    }
}

pub(super) fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Returns the user and system time in seconds. The program's name, in field two, may contain anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some((ticks(11)? + ticks(12)?) as f64 / TICKS_PER_SECOND)
}

fn field(status: &str, name: &str) -> Option<i64> {
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_follows_any_program_name() {
        let stat = "77 (a) b) S 1 77 77 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 9 0 100 1 1";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds("77 (cut off) S 1"), None);
    }

    #[test]
    fn status_fields_are_found_by_name() {
        let status = "Name:\tbridge\nVmRSS:\t   4096 kB\nThreads:\t7\n";
        assert_eq!((field(status, "VmRSS:"), field(status, "Threads:")), (Some(4096), Some(7)));
        assert_eq!(field(status, "VmSwap:"), None);
        let limits = "Limit             Soft Limit   Hard Limit   Units\nMax open files    1024         524288       files\n";
        assert_eq!(field(limits, "Max open files"), Some(1024));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn process_metrics_are_read_from_proc() {
        let process = ProcessMetrics::register(&mut Registry::default());
        process.update();
        let before = process.cpu.get();
        process.update();
        assert!(process.memory.get() > 1024 * 1024, "{process:?}");
        assert!(process.threads.get() >= 1 && process.open_files.get() >= 3, "{process:?}");
        assert!(process.max_files.get() > process.open_files.get(), "{process:?}");
        assert!(process.cpu.get() >= before);
    }
}
