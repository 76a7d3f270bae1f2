//! SIGTERM and SIGINT: the first asks to stop, the second insists. SIGHUP: something changed.

use std::future::Future;
use std::io;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Two futures: one completes with the first signal, the other with the second.
///
/// # Errors
/// When the signals cannot be listened for.
pub(super) fn listen() -> io::Result<(impl Future<Output = ()> + use<>, impl Future<Output = ()> + use<>)> {
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

/// Does something at each SIGHUP.
///
/// # Errors
/// When the signal cannot be listened for.
pub(super) fn on_hangup(act: impl Fn() + 'static) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::task::spawn_local(async move {
        while hangup.recv().await.is_some() {
            act();
        }
    });
    Ok(())
}

async fn reached(mut count: watch::Receiver<u32>, wanted: u32) {
    if count.wait_for(|count| *count >= wanted).await.is_err() {
        // The listener ended with the runtime.
        std::future::pending::<()>().await;
    }
}
