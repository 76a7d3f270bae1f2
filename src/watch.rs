//! Values from files that follow their changes: secrets, tokens, certificates.
//!
//! Files are read every second and compared: mounted secrets change by a swap of symbolic links in a parent
//! directory, and notifications for that differ between file systems.

use crate::telemetry::Metrics;
use arc_swap::{ArcSwap, Guard};
use parking_lot::Mutex;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

#[cfg(test)]
mod tests;

const REFRESH_INTERVAL: Duration = Duration::from_secs(1);

/// New content counts only after two equal reads in a row, because a copy may be read while it is written. A
/// writer that pauses for longer than the interval is not detected.
#[derive(Debug)]
pub(crate) struct Debounce<T>(Option<T>);

impl<T> Default for Debounce<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: PartialEq> Debounce<T> {
    /// Returns the content if the previous read was equal.
    pub(crate) fn settle(&mut self, content: T) -> Option<T> {
        if self.0.as_ref() == Some(&content) {
            return self.0.take();
        }
        self.0 = Some(content);
        None
    }

    pub(crate) fn clear(&mut self) {
        self.0 = None;
    }
}

/// [`Watched::get`] takes no lock: get the value anew for each use.
pub(crate) struct Watched<T> {
    current: ArcSwap<T>,
    /// Names the files.
    setting: String,
    read: Box<dyn Fn() -> Result<T, String> + Send + Sync>,
    /// Error of the last read, so that it is logged once.
    last_error: Mutex<Option<String>>,
    debounce: Mutex<Debounce<T>>,
}

impl<T> Watched<T> {
    /// `setting` names the files in the log. Errors of `read` must not quote the content.
    pub(crate) fn open<E: Display>(
        setting: impl Into<String>,
        read: impl Fn() -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Arc<Self>, E> {
        let first = read()?;
        Ok(Arc::new(Self {
            current: ArcSwap::from_pointee(first),
            setting: setting.into(),
            read: Box::new(move || read().map_err(|error| error.to_string())),
            last_error: Mutex::new(None),
            debounce: Mutex::default(),
        }))
    }

    pub(crate) fn get(&self) -> Guard<Arc<T>> {
        self.current.load()
    }
}

pub trait Refresh: Send + Sync {
    /// Applies a valid new value.
    fn refresh(&self) -> RefreshResult;

    /// Names the files.
    fn setting(&self) -> &str;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefreshResult {
    Unchanged,
    /// Differs from the previous read. The value in force stays.
    Unsettled,
    Changed,
    /// New error. The value in force stays.
    Failed(String),
    /// Same error as at the previous read.
    StillFailed,
}

impl<T: PartialEq + Send + Sync> Refresh for Watched<T> {
    fn refresh(&self) -> RefreshResult {
        let mut last_error = self.last_error.lock();
        let mut debounce = self.debounce.lock();
        let read = (self.read)();
        if read.is_err() {
            debounce.clear();
        }
        match read {
            Err(reason) if last_error.as_ref() == Some(&reason) => RefreshResult::StillFailed,
            Err(reason) => {
                *last_error = Some(reason.clone());
                RefreshResult::Failed(reason)
            }
            Ok(value) => {
                *last_error = None;
                if value == **self.current.load() {
                    debounce.clear();
                    return RefreshResult::Unchanged;
                }
                let Some(value) = debounce.settle(value) else { return RefreshResult::Unsettled };
                self.current.store(Arc::new(value));
                RefreshResult::Changed
            }
        }
    }

    fn setting(&self) -> &str {
        &self.setting
    }
}

pub(crate) struct Watcher {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    pub(crate) fn start(watched: Vec<Arc<dyn Refresh>>, metrics: Arc<Metrics>) -> std::io::Result<Self> {
        Self::start_every(REFRESH_INTERVAL, watched, metrics)
    }

    fn start_every(
        interval: Duration,
        watched: Vec<Arc<dyn Refresh>>,
        metrics: Arc<Metrics>,
    ) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new()
            .name("watch".into())
            .spawn(move || watch(&watched, &metrics, interval, &stopped))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The panic hook has logged it.
            let _ = thread.join();
        }
    }
}

/// A panic counts as a failure of this value only.
fn refresh(value: &dyn Refresh, is_failing: bool) -> RefreshResult {
    match catch_unwind(AssertUnwindSafe(|| value.refresh())) {
        Ok(result) => result,
        Err(_) if is_failing => RefreshResult::StillFailed,
        Err(_) => RefreshResult::Failed("the reader panicked: this is a bug".into()),
    }
}

fn watch(watched: &[Arc<dyn Refresh>], metrics: &Metrics, interval: Duration, stopped: &Receiver<()>) {
    let mut failing = vec![false; watched.len()];
    while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
        for (each, failing) in watched.iter().zip(&mut failing) {
            let setting = each.setting();
            let result = refresh(&**each, *failing);
            *failing = matches!(result, RefreshResult::Failed(_) | RefreshResult::StillFailed);
            match result {
                RefreshResult::Unchanged | RefreshResult::Unsettled | RefreshResult::StillFailed => {}
                RefreshResult::Changed => {
                    metrics.file_reloads.inc();
                    tracing::info!(setting, "file changed; the new content is in force");
                }
                RefreshResult::Failed(reason) => {
                    tracing::warn!(setting, reason, "invalid file; keeping the previous content");
                }
            }
        }
        let number = failing.iter().filter(|failing| **failing).count();
        metrics.watched_files_invalid.set(i64::try_from(number).unwrap_or(i64::MAX));
    }
}
