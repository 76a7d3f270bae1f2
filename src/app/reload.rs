//! Reload of the settings while the bridge runs.

use crate::config::{ReloadPlan, SettingErrors, Settings, SettingsInput};
use crate::delivery::Delivery;
use crate::ingest::{Evaluator, Ingest};
use crate::input;
use crate::kafka::Producer;
use crate::telemetry::Metrics;
use crate::watch::{Debounce, Refresh, RefreshResult};
use parking_lot::Mutex;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(test)]
mod tests;

/// Validates a changed file together with the environment and the flags of the start. Replaces the settings
/// as a whole, or keeps the previous ones.
pub(super) struct Reloader {
    sources: SettingsInput,
    requested: Arc<AtomicBool>,
    state: Mutex<ReloadState>,
    ingest: Arc<Ingest>,
    delivery: Arc<Delivery>,
    producer: Arc<Producer>,
    metrics: Arc<Metrics>,
}

struct ReloadState {
    settings: Settings,
    /// `None`: the file could not be read.
    loaded: Option<u64>,
    /// Changed contents are loaded once two looks find the same.
    unsettled: Debounce<Option<u64>>,
    /// Logged once.
    error: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct ReloadHandle(Arc<AtomicBool>);

impl ReloadHandle {
    /// The reload follows within two seconds.
    pub(crate) fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Reloader {
    /// `settings` were loaded from `sources` just before.
    pub(super) fn new(
        sources: SettingsInput,
        settings: Settings,
        ingest: Arc<Ingest>,
        delivery: Arc<Delivery>,
        producer: Arc<Producer>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let sources = sources.pinned();
        let contents = hash_contents(sources.file());
        // A file that changed since the start is loaded at the first look.
        let is_in_force = Settings::load_to_serve(&sources).is_ok_and(|again| again == settings);
        let state = ReloadState {
            settings,
            loaded: contents.filter(|_| is_in_force),
            unsettled: Debounce::default(),
            error: None,
        };
        let requested = Arc::default();
        Self { sources, requested, state: Mutex::new(state), ingest, delivery, producer, metrics }
    }

    pub(super) fn handle(&self) -> ReloadHandle {
        ReloadHandle(Arc::clone(&self.requested))
    }

    /// Refuses an empty file, which is being written rather than a request for the defaults.
    fn load(&self) -> Result<Settings, SettingErrors> {
        let is_empty = |path: &Path| input::read(path).is_ok_and(|bytes| bytes.trim_ascii().is_empty());
        match self.sources.file() {
            Some(path) if is_empty(path) => Err(SettingErrors::of_file(
                path,
                "is empty; keeping the settings in force. To use the defaults, write a file with only a comment",
            )),
            _ => Settings::load_to_serve(&self.sources),
        }
    }

    /// Returns whether settings changed.
    fn reload(&self, current: &mut Settings, loaded: &Settings) -> Result<bool, SettingErrors> {
        let ReloadPlan { settings, changed, pending_restart, table } = current.plan_reload(loaded)?;
        self.metrics.config_pending_restart.set(i64::try_from(pending_restart.len()).unwrap_or(i64::MAX));
        if !pending_restart.is_empty() {
            tracing::warn!(settings = pending_restart.join(", "), "new settings wait for a restart");
        }
        if settings == *current {
            return Ok(false);
        }
        for change in &changed {
            tracing::info!(change, "settings changed");
        }
        // Before an event can be routed to a new topic.
        self.delivery.add_lanes(table.topics().cloned());
        self.producer.topics().adopt(settings.kafka.topics.clone());
        self.ingest.replace_evaluator(Evaluator::new(&settings.ingest, table));
        *current = settings;
        Ok(true)
    }
}

impl Refresh for Reloader {
    fn refresh(&self) -> RefreshResult {
        let state = &mut *self.state.lock();
        let contents = hash_contents(self.sources.file());
        if contents == state.loaded {
            state.unsettled.clear();
        } else if state.unsettled.settle(contents).is_none() {
            return RefreshResult::Unsettled;
        }
        let is_new = self.requested.swap(false, Ordering::Relaxed) || contents != state.loaded;
        // Retries after an error, because the cause may be another file, such as a secret mounted later.
        if !is_new && state.error.is_none() {
            return RefreshResult::Unchanged;
        }
        let loaded = self.load();
        // The file changed while it was loaded.
        if hash_contents(self.sources.file()) != contents {
            state.unsettled.clear();
            // A file that changes back must still be loaded.
            self.requested.fetch_or(is_new, Ordering::Relaxed);
            return RefreshResult::Unsettled;
        }
        state.loaded = contents;
        match loaded.and_then(|loaded| self.reload(&mut state.settings, &loaded)) {
            Ok(changed) => {
                self.metrics.settings_reload(true);
                state.error = None;
                if changed { RefreshResult::Changed } else { RefreshResult::Unchanged }
            }
            Err(problems) => {
                let reason = problems.to_string().replace('\n', "; ");
                if !is_new && state.error.as_ref() == Some(&reason) {
                    return RefreshResult::StillFailed;
                }
                self.metrics.settings_reload(false);
                state.error = Some(reason.clone());
                RefreshResult::Failed(reason)
            }
        }
    }

    fn setting(&self) -> &str {
        "the settings"
    }
}

fn hash_contents(file: Option<&Path>) -> Option<u64> {
    let bytes = input::read(file?).ok()?;
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    Some(hasher.finish())
}
