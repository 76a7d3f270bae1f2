//! What the bridge shows of itself, and what others make of it: every metric is exposed as documented,
//! dashboard and alerts ask for nothing else, and the runbook knows every alert.

mod alerts;
mod catalogue;
mod exposed;
mod intervals;
mod panels;
mod query;
mod runbook;

use std::path::Path;

/// A file of the repository.
fn repository_file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
