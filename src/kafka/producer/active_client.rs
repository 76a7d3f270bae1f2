use super::client_instance::ClientInstance;
use crate::delivery::{RecordFailure, Report};
use crate::record::Record;
use parking_lot::RwLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;

pub(super) struct ActiveClient {
    state: RwLock<ActiveState>,
    stopping: AtomicBool,
    replacements: AtomicU64,
    /// Not a thread that waits for answers.
    bypass_thread: OnceLock<Thread>,
}

struct ActiveState {
    /// `None` during a replacement.
    instance: Option<Arc<ClientInstance>>,
    takes: bool,
}

impl ActiveClient {
    pub(super) fn new(instance: ClientInstance) -> Self {
        Self {
            state: RwLock::new(ActiveState { instance: Some(Arc::new(instance)), takes: true }),
            stopping: AtomicBool::new(false),
            replacements: AtomicU64::new(0),
            bypass_thread: OnceLock::new(),
        }
    }

    /// Returns the report if the record is refused; settle it without the lock, which is held here. No record
    /// reaches an instance that is being retired.
    pub(super) fn send(
        &self,
        record: &Record,
        partition: Option<u32>,
        report: Report,
    ) -> Result<(), (RecordFailure, Report)> {
        let state = self.state.read();
        let is_idle = match &state.instance {
            Some(instance) if state.takes => instance.send(record, partition, report)?,
            _ => return Err((RecordFailure::Replacing, report)),
        };
        if is_idle && let Some(thread) = self.bypass_thread.get() {
            thread.unpark();
        }
        Ok(())
    }

    /// Flushes when a record was sent while the producer is idle, until the stop.
    pub(super) fn run_linger_bypass(&self) {
        let _ = self.bypass_thread.set(std::thread::current());
        while !self.stopping() {
            std::thread::park();
            if let Some(instance) = self.instance() {
                instance.bypass_linger();
            }
        }
    }

    pub(super) fn unreported(&self) -> usize {
        let state = self.state.read();
        state.instance.as_ref().map_or(0, |instance| instance.unreported())
    }

    /// The last holder drops the instance, which blocks: not for threads of the runtime.
    pub(super) fn instance(&self) -> Option<Arc<ClientInstance>> {
        self.state.read().instance.clone()
    }

    /// After this, the client can send to all of them. `None`: no client, or no broker answers.
    pub(super) async fn partitions(&self, topic: &str) -> Option<u32> {
        let (instance, topic) = (self.instance()?, topic.to_owned());
        tokio::task::spawn_blocking(move || instance.partitions(&topic)).await.ok()?
    }

    #[cfg(test)]
    pub(super) fn replacements(&self) -> u64 {
        self.replacements.load(Ordering::Relaxed)
    }

    pub(super) fn count_replacement(&self) -> u64 {
        self.replacements.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    pub(super) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub(super) fn close(&self) {
        self.state.write().takes = false;
    }

    pub(super) fn change(&self, instance: Option<Arc<ClientInstance>>) {
        let takes = instance.is_some();
        let mut state = self.state.write();
        let former = std::mem::replace(&mut *state, ActiveState { instance, takes });
        drop(state);
        // Without the lock, because it blocks.
        drop(former);
    }
}
