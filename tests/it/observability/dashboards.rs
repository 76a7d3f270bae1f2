mod alerts;
mod catalogue;
mod exposed;
mod intervals;
mod panels;
mod query;
mod runbook;

use std::path::Path;

fn repository_file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
