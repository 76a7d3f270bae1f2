//! New settings while the bridge runs.

use crate::config::{Problems, Reload, Settings, Sources};
use crate::delivery::Delivery;
use crate::ingest::{Ingest, Rules};
use crate::input;
use crate::kafka::Producer;
use crate::telemetry::Metrics;
use crate::watch::{Follow, Followed, Unsettled};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(test)]
mod tests;

/// Follows the settings file: what is new in it is validated as a whole, together with the environment
/// and the flags of the start, and swapped in at once, or refused.
pub(super) struct Reloader {
    sources: Sources,
    asked: Arc<AtomicBool>,
    state: Mutex<State>,
    ingest: Arc<Ingest>,
    delivery: Arc<Delivery>,
    producer: Arc<Producer>,
    metrics: Arc<Metrics>,
}

struct State {
    /// What is in force.
    settings: Settings,
    /// What stood in the file at the last look.
    seen: Option<u64>,
    /// New contents that the look before did not find.
    unsettled: Unsettled<Option<u64>>,
    /// What was wrong with it, so that it is said once.
    trouble: Option<String>,
}

/// Asks a bridge to read its settings again, as SIGHUP does.
#[derive(Debug, Clone)]
pub struct ReloadHandle(Arc<AtomicBool>);

impl ReloadHandle {
    /// Asks; it happens within a second or two.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Reloader {
    /// Follows the file of `sources`, from which `settings` were read a moment ago.
    pub(super) fn new(
        sources: Sources,
        settings: Settings,
        ingest: Arc<Ingest>,
        delivery: Arc<Delivery>,
        producer: Arc<Producer>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let sources = sources.pinned();
        let seen = contents(sources.file());
        // Where it changed meanwhile, the first look finds it new.
        let is_in_force = Settings::load_to_serve(&sources).is_ok_and(|again| again == settings);
        let state = State {
            settings,
            seen: seen.filter(|_| is_in_force),
            unsettled: Unsettled::default(),
            trouble: None,
        };
        let asked = Arc::default();
        Self { sources, asked, state: Mutex::new(state), ingest, delivery, producer, metrics }
    }

    pub(super) fn handle(&self) -> ReloadHandle {
        ReloadHandle(Arc::clone(&self.asked))
    }

    /// Reads the settings. A file that was cut to nothing is not a wish for the defaults.
    fn load(&self) -> Result<Settings, Problems> {
        let is_empty = |path: &Path| input::read(path).is_ok_and(|bytes| bytes.trim_ascii().is_empty());
        match self.sources.file() {
            Some(path) if is_empty(path) => Err(Problems::of_file(
                path,
                "is empty; the settings in force stay. A file with only a comment means the defaults",
            )),
            _ => Settings::load_to_serve(&self.sources),
        }
    }

    /// Puts the new settings in force as far as they can be.
    fn reload(&self, current: &mut Settings, loaded: &Settings) -> Result<bool, Problems> {
        let Reload { settings, changed, waiting, table } = current.reload(loaded)?;
        self.metrics.settings_waiting.set(i64::try_from(waiting.len()).unwrap_or(i64::MAX));
        if !waiting.is_empty() {
            tracing::warn!(settings = waiting.join(", "), "new settings wait for a restart");
        }
        if settings == *current {
            return Ok(false);
        }
        for change in &changed {
            tracing::info!(change, "settings changed");
        }
        // Every topic has its lane before an event can be routed to it.
        self.delivery.add_lanes(table.topics().cloned());
        self.producer.topics().adopt(settings.kafka.topics.clone());
        self.ingest.adopt(Rules::new(&settings.ingest, table));
        *current = settings;
        Ok(true)
    }
}

impl Follow for Reloader {
    fn follow(&self) -> Followed {
        let state = &mut *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = contents(self.sources.file());
        if seen == state.seen {
            state.unsettled.clear();
        } else if state.unsettled.settle(seen).is_none() {
            return Followed::Unsettled;
        }
        let is_new = self.asked.swap(false, Ordering::Relaxed) || seen != state.seen;
        // What is wrong may be another file that they name, such as a secret that is mounted later.
        if !is_new && state.trouble.is_none() {
            return Followed::Same;
        }
        let loaded = self.load();
        // Written again while it was read.
        if contents(self.sources.file()) != seen {
            state.unsettled.clear();
            // A file that changes back is still to be read.
            self.asked.fetch_or(is_new, Ordering::Relaxed);
            return Followed::Unsettled;
        }
        state.seen = seen;
        match loaded.and_then(|loaded| self.reload(&mut state.settings, &loaded)) {
            Ok(changed) => {
                self.metrics.settings_reload(true);
                state.trouble = None;
                if changed { Followed::Changed } else { Followed::Same }
            }
            Err(problems) => {
                let reason = problems.to_string().replace('\n', "; ");
                if !is_new && state.trouble.as_ref() == Some(&reason) {
                    return Followed::StillFailed;
                }
                self.metrics.settings_reload(false);
                state.trouble = Some(reason.clone());
                Followed::Failed(reason)
            }
        }
    }

    fn setting(&self) -> &str {
        "the settings"
    }
}

/// What stands in a file, shortened; `None`: it cannot be read.
fn contents(file: Option<&Path>) -> Option<u64> {
    let bytes = input::read(file?).ok()?;
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    Some(hasher.finish())
}
