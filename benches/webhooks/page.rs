use std::fs;
use std::path::Path;

const BEGINNING: &str = "<!-- benches/run writes from here -->";
const END: &str = "<!-- to here -->";

pub(crate) fn measured_on(rounds: usize, seconds: u64) -> String {
    let today = chrono::Utc::now().format("%Y-%m-%d");
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "Measured on {today}, medians of {rounds} rounds of {seconds} s: {cpus} cores of {}, Linux {}.",
        model.unwrap_or("a processor without a name"),
        kernel.trim(),
    )
}

pub(crate) fn refresh(file: &Path, tables: &str) {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let parts = text.split_once(BEGINNING).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.unwrap_or_else(|| panic!("{} has no marks for the tables", file.display()));
    let text = format!("{before}{BEGINNING}\n{}\n{END}{after}", tables.trim_end());
    fs::write(file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}
