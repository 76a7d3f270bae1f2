//! Values that come from files and follow them: secrets, tokens, certificates.
//!
//! Files are read again every second and compared, rather than waited for: mounted secrets change by
//! a swap of symbolic links in a folder above them, of which notifications tell reliably on no two
//! file systems alike, and reading a few small files costs nothing.

use crate::telemetry::Metrics;
use arc_swap::{ArcSwap, Guard};
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// How often files are read again.
const PERIOD: Duration = Duration::from_secs(1);

/// New content of a file, which counts only when two looks in a row agree.
///
/// A plain copy truncates the file and writes it in pieces, so one look may find a prefix. A writer
/// that pauses for longer than the time between two looks cannot be told from one that has finished;
/// a rename, as Kubernetes does, has no such gap.
#[derive(Debug)]
pub struct Unsettled<T>(Option<T>);

impl<T> Default for Unsettled<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: PartialEq> Unsettled<T> {
    /// Returns the content if the look before found the same, otherwise keeps it for the next look.
    pub fn settle(&mut self, seen: T) -> Option<T> {
        if self.0.as_ref() == Some(&seen) {
            return self.0.take();
        }
        self.0 = Some(seen);
        None
    }

    /// Forgets what the look before found.
    pub fn clear(&mut self) {
        self.0 = None;
    }
}

/// A value that may have been read from files, and is read again when they change.
///
/// Whoever uses it takes it anew for each use: [`Watched::get`] locks nothing.
pub struct Watched<T> {
    current: ArcSwap<T>,
    /// The setting that names the files.
    setting: String,
    read: Box<dyn Fn() -> Result<T, String> + Send + Sync>,
    /// What was wrong at the last look, so that it is said once.
    trouble: Mutex<Option<String>>,
    unsettled: Mutex<Unsettled<T>>,
}

impl<T> Watched<T> {
    /// Reads a value for the first time, and remembers how. `setting` is what names the files, for
    /// the log; `read` must not quote their contents in its errors.
    ///
    /// # Errors
    /// What `read` says.
    pub fn open<E: Display>(
        setting: impl Into<String>,
        read: impl Fn() -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Arc<Self>, E> {
        let first = read()?;
        Ok(Arc::new(Self {
            current: ArcSwap::from_pointee(first),
            setting: setting.into(),
            read: Box::new(move || read().map_err(|error| error.to_string())),
            trouble: Mutex::new(None),
            unsettled: Mutex::default(),
        }))
    }

    /// The value as it is now.
    pub fn get(&self) -> Guard<Arc<T>> {
        self.current.load()
    }
}

/// Something that follows its files.
pub trait Follow: Send + Sync {
    /// Reads the files again, and takes over what they hold if it is sound and other than before.
    fn follow(&self) -> Followed;

    /// The setting that names the files.
    fn setting(&self) -> &str;
}

/// What a look at the files came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// They hold what they held.
    Same,
    /// They hold something new that the look before did not find. The value in force stays.
    Unsettled,
    /// The new value is in force.
    Changed,
    /// They hold no sound value: the one before stays in force. The reason is new.
    Failed(String),
    /// As before, for the same reason as at the last look.
    StillFailed,
}

impl<T: PartialEq + Send + Sync> Follow for Watched<T> {
    fn follow(&self) -> Followed {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let mut unsettled = self.unsettled.lock().unwrap_or_else(PoisonError::into_inner);
        let read = (self.read)();
        if read.is_err() {
            unsettled.clear();
        }
        match read {
            Err(reason) if trouble.as_ref() == Some(&reason) => Followed::StillFailed,
            Err(reason) => {
                *trouble = Some(reason.clone());
                Followed::Failed(reason)
            }
            Ok(value) => {
                *trouble = None;
                if value == **self.current.load() {
                    unsettled.clear();
                    return Followed::Same;
                }
                let Some(value) = unsettled.settle(value) else { return Followed::Unsettled };
                self.current.store(Arc::new(value));
                Followed::Changed
            }
        }
    }

    fn setting(&self) -> &str {
        &self.setting
    }
}

/// Looks after every watched value, on a thread of its own, until it is dropped.
pub struct Watcher {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    /// Starts looking.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(watched: Vec<Arc<dyn Follow>>, metrics: Arc<Metrics>) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new()
            .name("watch".into())
            .spawn(move || watch(&watched, &metrics, &stopped))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there was printed; nothing depends on its end.
            let _ = thread.join();
        }
    }
}

/// Reads a value's files again. A panic counts as a failure of that value: it and the others are still
/// followed.
fn follow(each: &dyn Follow, is_failing: bool) -> Followed {
    match catch_unwind(AssertUnwindSafe(|| each.follow())) {
        Ok(followed) => followed,
        Err(_) if is_failing => Followed::StillFailed,
        Err(_) => Followed::Failed("reading it panicked: this is a bug".into()),
    }
}

fn watch(watched: &[Arc<dyn Follow>], metrics: &Metrics, stopped: &Receiver<()>) {
    let mut failing = vec![false; watched.len()];
    while stopped.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
        for (each, failing) in watched.iter().zip(&mut failing) {
            let setting = each.setting();
            let followed = follow(&**each, *failing);
            *failing = matches!(followed, Followed::Failed(_) | Followed::StillFailed);
            match followed {
                Followed::Same | Followed::Unsettled | Followed::StillFailed => {}
                Followed::Changed => {
                    metrics.file_reloads.inc();
                    tracing::info!(setting, "file changed: its new contents are in force");
                }
                Followed::Failed(reason) => {
                    tracing::warn!(
                        setting,
                        reason,
                        "file cannot be used: what it held before stays in force"
                    );
                }
            }
        }
        let number = failing.iter().filter(|failing| **failing).count();
        metrics.files_failing.set(i64::try_from(number).unwrap_or(i64::MAX));
    }
}
