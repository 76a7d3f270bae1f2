use super::*;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

const INTERVAL: Duration = Duration::from_millis(20);

fn number_in(path: PathBuf) -> Result<Arc<Watched<u32>>, String> {
    Watched::open("a.file", move || {
        let text = fs::read_to_string(&path).map_err(|error| error.kind().to_string())?;
        text.trim().parse::<u32>().map_err(|_| "not a number".to_owned())
    })
}

fn folder_with(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("number");
    fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn file_that_is_invalid_at_the_start_is_an_error() {
    let (_folder, path) = folder_with("seven");
    assert_eq!(number_in(path).err().as_deref(), Some("not a number"));
}

#[test]
fn new_content_is_applied_once() {
    let (_folder, path) = folder_with("7");
    let watched = number_in(path.clone()).unwrap();
    assert_eq!((watched.refresh(), **watched.get()), (RefreshResult::Unchanged, 7));
    fs::write(&path, "8").unwrap();
    assert_eq!((watched.refresh(), **watched.get()), (RefreshResult::Unsettled, 7));
    assert_eq!((watched.refresh(), **watched.get()), (RefreshResult::Changed, 8));
    assert_eq!(watched.refresh(), RefreshResult::Unchanged);
}

#[test]
fn invalid_content_keeps_the_value_and_is_reported_once() {
    let (_folder, path) = folder_with("7");
    let watched = number_in(path.clone()).unwrap();
    fs::write(&path, "").unwrap();
    assert_eq!(watched.refresh(), RefreshResult::Failed("not a number".into()));
    assert_eq!((watched.refresh(), **watched.get()), (RefreshResult::StillFailed, 7));
    fs::remove_file(&path).unwrap();
    assert_eq!(watched.refresh(), RefreshResult::Failed("entity not found".into()));
    fs::write(&path, "7").unwrap();
    assert_eq!(watched.refresh(), RefreshResult::Unchanged);
    fs::remove_file(&path).unwrap();
    assert_eq!(
        watched.refresh(),
        RefreshResult::Failed("entity not found".into()),
        "a new error is reported again"
    );
}

/// As Kubernetes mounts a Secret: a link into `..data`, which is a link to a dated directory.
#[test]
fn swap_of_a_linked_directory_is_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (dated, number) in [("..1", "1"), ("..2", "2")] {
        fs::create_dir(at(dated)).unwrap();
        fs::write(at(dated).join("number"), number).unwrap();
    }
    symlink("..1", at("..data")).unwrap();
    symlink(Path::new("..data").join("number"), at("number")).unwrap();
    let watched = number_in(at("number")).unwrap();
    symlink("..2", at("..new")).unwrap();
    fs::rename(at("..new"), at("..data")).unwrap();
    assert_eq!(watched.refresh(), RefreshResult::Unsettled);
    assert_eq!((watched.refresh(), **watched.get()), (RefreshResult::Changed, 2));
}

#[test]
fn watcher_refreshes_until_it_is_dropped() {
    let (_folder, path) = folder_with("7");
    let watched = number_in(path.clone()).unwrap();
    let metrics = Arc::new(Metrics::new());
    let watcher =
        Watcher::start_every(INTERVAL, vec![Arc::clone(&watched) as _], Arc::clone(&metrics)).unwrap();
    let until = |reached: &dyn Fn() -> bool| {
        assert!((0..3000).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            reached()
        }));
    };
    fs::write(&path, "8").unwrap();
    until(&|| **watched.get() == 8 && metrics.file_reloads.get() == 1);
    fs::write(&path, "eight").unwrap();
    until(&|| metrics.watched_files_invalid.get() == 1);
    fs::write(&path, "8").unwrap();
    until(&|| metrics.watched_files_invalid.get() == 0);
    drop(watcher);
    fs::write(&path, "9").unwrap();
    assert_eq!((metrics.file_reloads.get(), **watched.get()), (1, 8));
}

struct Panics(AtomicBool);

impl Refresh for Panics {
    fn refresh(&self) -> RefreshResult {
        assert!(!self.0.load(Ordering::SeqCst), "a reader that panics");
        RefreshResult::Changed
    }

    fn setting(&self) -> &str {
        "panics"
    }
}

#[test]
fn panic_of_one_reader_does_not_stop_others() {
    let (_folder, path) = folder_with("7");
    let watched = number_in(path.clone()).unwrap();
    let metrics = Arc::new(Metrics::new());
    let panics = Arc::new(Panics(AtomicBool::new(true)));
    let values: Vec<Arc<dyn Refresh>> = vec![Arc::clone(&panics) as _, Arc::clone(&watched) as _];
    let _watcher = Watcher::start_every(INTERVAL, values, Arc::clone(&metrics)).unwrap();
    let until = |reached: &dyn Fn() -> bool| {
        assert!((0..3000).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            reached()
        }));
    };
    fs::write(&path, "8").unwrap();
    until(&|| **watched.get() == 8 && metrics.watched_files_invalid.get() == 1);
    panics.0.store(false, Ordering::SeqCst);
    until(&|| metrics.watched_files_invalid.get() == 0);
}

#[test]
fn prefix_of_a_file_is_never_applied() {
    let (_folder, path) = folder_with("7");
    let watched = number_in(path.clone()).unwrap();
    let whole = "123456";
    for length in 1..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert_eq!((watched.refresh(), **watched.get()), (RefreshResult::Unsettled, 7), "{length} bytes");
    }
    fs::write(&path, whole).unwrap();
    assert_eq!(watched.refresh(), RefreshResult::Unsettled);
    assert_eq!((watched.refresh(), **watched.get()), (RefreshResult::Changed, 123_456));
}

#[test]
fn only_consecutive_equal_reads_count() {
    let (_folder, path) = folder_with("7");
    let watched = number_in(path.clone()).unwrap();
    for between in ["7", "", "9"] {
        fs::write(&path, "8").unwrap();
        assert_eq!(watched.refresh(), RefreshResult::Unsettled);
        fs::write(&path, between).unwrap();
        watched.refresh();
        fs::write(&path, "8").unwrap();
        assert_eq!((watched.refresh(), **watched.get()), (RefreshResult::Unsettled, 7), "after {between:?}");
        fs::write(&path, "7").unwrap();
        assert_eq!(watched.refresh(), RefreshResult::Unchanged);
    }
}
