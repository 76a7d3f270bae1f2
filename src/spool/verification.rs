//! Check of the whole database on a thread of its own, because it may take longer than events wait.

use rusqlite::{Connection, InterruptHandle};
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// Dropping it ends the check.
pub(super) struct Verification {
    verdict: Receiver<rusqlite::Result<bool>>,
    interrupt: InterruptHandle,
}

impl Verification {
    pub(super) fn start(
        file: Connection,
        check: impl FnOnce(&Connection) -> rusqlite::Result<bool> + Send + 'static,
    ) -> io::Result<Self> {
        let interrupt = file.get_interrupt_handle();
        let (told, verdict) = channel();
        std::thread::Builder::new().name("spool-check".to_owned()).spawn(move || {
            let outcome = check(&file);
            drop(file);
            // The store may be closed.
            let _ = told.send(outcome);
        })?;
        Ok(Self { verdict, interrupt })
    }

    /// Returns whether the file is sound. `None`: the check continues.
    pub(super) fn wait(&self, timeout: Duration) -> Option<rusqlite::Result<bool>> {
        match self.verdict.recv_timeout(timeout) {
            Ok(outcome) => Some(outcome),
            Err(RecvTimeoutError::Timeout) => None,
            // The check panicked.
            Err(RecvTimeoutError::Disconnected) => Some(Ok(false)),
        }
    }
}

impl Drop for Verification {
    fn drop(&mut self) {
        self.interrupt.interrupt();
    }
}
