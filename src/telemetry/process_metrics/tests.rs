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
