//! What is deployed, as far as a machine without a cluster can tell: the image's files, the chart's
//! manifests and what they start, the compose file.

mod chart;
mod compose;
mod guards;
mod image;
mod judged;
mod kubelet;
mod live;
mod notes;
mod pod;
mod rollout;
mod strimzi;
mod tools;

use std::path::{Path, PathBuf};

/// A path of the project.
fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Says where nobody can overlook it what this machine does not let the tests prove.
fn not_proved(what: &str, why: &str) {
    let bar = "*".repeat(72);
    eprintln!("{bar}\n*** NOT PROVED: {what}\n*** {why}\n{bar}");
}
