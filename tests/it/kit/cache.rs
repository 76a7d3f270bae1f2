use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Other `pins` give another folder.
pub(crate) fn folder(name: &str, pins: &[&str], make: impl FnOnce(&Path)) -> PathBuf {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut hasher = DefaultHasher::new();
    pins.hash(&mut hasher);
    let folder = cache.join(format!("{name}-{:016x}", hasher.finish()));
    let lock = File::create(cache.join(format!("{name}.lock"))).expect("the target folder can be written");
    lock.lock().expect("the target folder's file system has locks");
    // Checked under the lock, because another test process may be downloading.
    if !folder.exists() {
        let draft = draft(cache);
        make(draft.path());
        // Last, so that an interrupted run leaves no folder that looks complete.
        fs::rename(draft.keep(), &folder).expect("a rename inside the target folder");
    }
    folder
}

fn draft(cache: &Path) -> TempDir {
    tempfile::tempdir_in(cache).expect("the target folder can be written")
}
