//! New settings while the bridge runs.

use crate::config::{Problems, Reload, Settings, Sources};
use crate::delivery::Delivery;
use crate::ingest::{Ingest, Rules};
use crate::kafka::Producer;
use crate::routing::Table;
use crate::telemetry::Metrics;
use crate::watch::{Follow, Followed};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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
        let state = State { settings, seen: contents(sources.file()), trouble: None };
        let asked = Arc::default();
        Self { sources, asked, state: Mutex::new(state), ingest, delivery, producer, metrics }
    }

    pub(super) fn handle(&self) -> ReloadHandle {
        ReloadHandle(Arc::clone(&self.asked))
    }

    /// Puts the new settings in force as far as they can be.
    fn reload(&self, current: &mut Settings) -> Result<bool, Problems> {
        let Reload { settings, changed, waiting } =
            current.reload(&Settings::load_to_serve(&self.sources)?)?;
        self.metrics.settings_waiting.set(i64::try_from(waiting.len()).unwrap_or(i64::MAX));
        if !waiting.is_empty() {
            tracing::warn!(settings = waiting.join(", "), "new settings wait for a restart");
        }
        if changed.is_empty() {
            return Ok(false);
        }
        for change in &changed {
            tracing::info!(change, "settings changed");
        }
        // Settings that are loaded have routes that hold.
        let Ok(table) = Table::compile(&settings.routing) else { return Ok(false) };
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
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = contents(self.sources.file());
        if !self.asked.swap(false, Ordering::Relaxed) && seen == state.seen {
            return if state.trouble.is_some() { Followed::StillFailed } else { Followed::Same };
        }
        state.seen = seen;
        let reloaded = self.reload(&mut state.settings);
        self.metrics.settings_reload(reloaded.is_ok());
        state.trouble = None;
        match reloaded {
            Ok(true) => Followed::Changed,
            Ok(false) => Followed::Same,
            Err(problems) => {
                let reason = problems.to_string().replace('\n', "; ");
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
    let bytes = std::fs::read(file?).ok()?;
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    Some(hasher.finish())
}
