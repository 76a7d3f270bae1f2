//! Standard error. Its reader may have stalled, so every write has a deadline.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// Further texts are dropped.
const MAX_QUEUED: usize = 64;

/// Waits up to a second. After a timeout, later texts do not wait until the reader continues. Errors cannot
/// be reported anywhere.
pub(super) fn write(text: String) {
    send(text, false);
}

/// Always waits up to a second.
pub(super) fn write_last(text: String) {
    send(text, true);
}

pub(super) fn is_coloured() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    io::stderr().is_terminal() && !is_dumb && !is_set("NO_COLOR")
}

struct StderrWriter {
    queue: SyncSender<Text>,
    is_stalled: Arc<AtomicBool>,
}

struct Text {
    text: String,
    written: SyncSender<()>,
}

fn send(text: String, waits: bool) {
    static WRITER: OnceLock<Option<StderrWriter>> = OnceLock::new();
    // If no thread starts, the text is dropped.
    let Some(writer) = WRITER.get_or_init(|| start().ok()) else { return };
    let (written, end) = sync_channel(1);
    let is_queued = writer.queue.try_send(Text { text, written }).is_ok();
    if is_queued
        && (waits || !writer.is_stalled.load(Ordering::Acquire))
        && end.recv_timeout(WRITE_TIMEOUT).is_err()
    {
        writer.is_stalled.store(true, Ordering::Release);
    }
}

fn start() -> io::Result<StderrWriter> {
    let (queue, texts) = sync_channel(MAX_QUEUED);
    let is_stalled = Arc::new(AtomicBool::new(false));
    let stalled = Arc::clone(&is_stalled);
    std::thread::Builder::new().name("stderr".into()).spawn(move || work(&texts, &stalled))?;
    Ok(StderrWriter { queue, is_stalled })
}

fn work(texts: &Receiver<Text>, is_stalled: &AtomicBool) {
    for Text { text, written } in texts {
        let _ = io::stderr().write_all(text.as_bytes());
        is_stalled.store(false, Ordering::Release);
        // The command may have stopped waiting.
        let _ = written.try_send(());
    }
}
