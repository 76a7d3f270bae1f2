use std::fs;

/// Includes kernel time.
pub(crate) fn cpu_micros(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process that runs");
    let behind_name = stat.rsplit(')').next().expect("its name ends");
    let ticks = behind_name.split_whitespace().skip(11).take(2);
    let ticks: f64 = ticks.map(|each| each.parse::<f64>().expect("ticks")).sum();
    // A tick is a hundredth of a second on every supported Linux.
    ticks * 10_000.0
}

pub(crate) fn resident_mib(pid: u32) -> f64 {
    status_mib(pid, "VmRSS:")
}

pub(crate) fn most_resident_mib(pid: u32) -> f64 {
    status_mib(pid, "VmHWM:")
}

fn status_mib(pid: u32, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process that runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line for memory");
    let kib = line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).expect("kB");
    kib / 1024.0
}
