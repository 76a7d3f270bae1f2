mod chart;
mod compose;
mod guards;
mod image;
mod kube_lint;
mod kubelet;
mod notes;
mod pod;
mod rollout;
mod strimzi;
mod tools;
mod upgrades;

use std::path::{Path, PathBuf};

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn report_skipped(what: &str, why: &str) {
    let bar = "*".repeat(72);
    eprintln!("{bar}\n*** NOT PROVED: {what}\n*** {why}\n{bar}");
}
