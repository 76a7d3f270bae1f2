//! The first SIGTERM or SIGINT requests a stop, the second forces it. SIGHUP requests a reload.

use super::block_on;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};

/// Work that prints has this time after the first signal.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkError {
    #[error(transparent)]
    System(#[from] io::Error),
    #[error("ended by a second signal before everything was finished")]
    Interrupted,
    #[error("the work ended in a panic: this is a bug")]
    Panicked,
}

/// One future completes with the first signal, the other with the second.
pub(crate) fn listen() -> io::Result<(impl Future<Output = ()> + use<>, impl Future<Output = ()> + use<>)> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (count, first) = watch::channel(0);
    let second = first.clone();
    tokio::task::spawn_local(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            count.send_modify(|count| *count += 1);
        }
    });
    Ok((reached(first, 1), reached(second, 2)))
}

/// Runs blocking work with a flag that the first signal sets, and a runtime that is driven meanwhile. Fails
/// if a second signal arrives.
pub(crate) fn interruptible<T: Send + 'static>(
    work: impl FnOnce(Arc<AtomicBool>, Handle) -> T + Send + 'static,
) -> Result<T, WorkError> {
    run(work, None)?.ok_or(WorkError::Interrupted)
}

/// Runs work that prints, as [`interruptible`]. `None`: it did not end within a second of the first signal,
/// because the reader of stdout may have stalled.
pub(crate) fn abandonable<T: Send + 'static>(
    work: impl FnOnce(Arc<AtomicBool>, Handle) -> T + Send + 'static,
) -> Result<Option<T>, WorkError> {
    run(work, Some(STOP_TIMEOUT))
}

/// `None`: the work has not ended at the timeout, which begins with the first signal.
fn run<T: Send + 'static>(
    work: impl FnOnce(Arc<AtomicBool>, Handle) -> T + Send + 'static,
    timeout: Option<Duration>,
) -> Result<Option<T>, WorkError> {
    block_on(async {
        let (first, second) = listen()?;
        let stop = Arc::new(AtomicBool::new(false));
        let (stop_flag, runtime) = (Arc::clone(&stop), Handle::current());
        let (done, end) = oneshot::channel();
        std::thread::Builder::new().name("work".into()).spawn(move || {
            // The receiver is gone after a second signal or the timeout.
            let _ = done.send(work(stop_flag, runtime));
        })?;
        let stopping = async {
            first.await;
            stop.store(true, Ordering::Release);
            match timeout {
                Some(timeout) => tokio::time::sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            end = end => {
                end.map(Some).map_err(|_| WorkError::Panicked)
            }
            () = second => Err(WorkError::Interrupted),
            () = stopping => Ok(None),
        }
    })
}

/// SIGHUP would otherwise end the process.
pub(crate) struct Hangups(Signal);

pub(crate) fn hangups() -> io::Result<Hangups> {
    signal(SignalKind::hangup()).map(Hangups)
}

impl Hangups {
    /// Includes signals that arrived before the call.
    pub(crate) fn each(mut self, act: impl Fn() + 'static) {
        tokio::task::spawn_local(async move {
            while self.0.recv().await.is_some() {
                act();
            }
        });
    }
}

async fn reached(mut count: watch::Receiver<u32>, wanted: u32) {
    if count.wait_for(|count| *count >= wanted).await.is_err() {
        // The listener ended with the runtime.
        std::future::pending::<()>().await;
    }
}
