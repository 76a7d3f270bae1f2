//! Work on a thread of its own that may never end, and that nobody waits for any longer than a deadline.

use super::finding::Finding;
use crate::cli::output;
use indicatif::{ProgressBar, ProgressStyle};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// What work tells while it goes on.
enum Told {
    Found(Finding),
    Next(String),
}

/// The worker's end.
pub(super) struct Telling(Sender<Told>);

impl Telling {
    pub(super) fn say(&self, finding: Finding) {
        // Nobody listens any more once the time is up.
        let _ = self.0.send(Told::Found(finding));
    }

    /// What is done next, for a person who waits.
    pub(super) fn next(&self, what: &str) {
        let _ = self.0.send(Told::Next(what.to_owned()));
    }
}

/// Work that has begun.
pub(super) struct Work {
    name: &'static str,
    told: Receiver<Told>,
    thread: Option<JoinHandle<()>>,
}

impl Work {
    pub(super) fn begin(name: &'static str, work: impl FnOnce(&Telling) + Send + 'static) -> Self {
        let (sender, told) = channel();
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || work(&Telling(sender)));
        Self { name, told, thread: thread.ok() }
    }

    /// What it found until the deadline.
    fn finish(self, deadline: Instant, line: &ProgressBar) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut last = "beginning".to_owned();
        loop {
            match self.told.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Told::Found(finding)) => findings.push(finding),
                Ok(Told::Next(what)) => {
                    line.set_message(what.clone());
                    last = what;
                }
                Err(RecvTimeoutError::Timeout) => {
                    let text =
                        format!("no answer in time, while {last}: what comes after it was not looked at");
                    findings.push(Finding::failure(
                        self.name,
                        text,
                        "see whether the disk and Kafka's brokers answer, and run check again",
                    ));
                    return findings;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if self.thread.is_none_or(|thread| thread.join().is_err()) {
            let text = format!("the check broke off, while {last}: this is a bug");
            findings.push(Finding::failure(self.name, text, "report it"));
        }
        findings
    }
}

/// What all of them found until the deadline, with a line of progress on a terminal.
pub(super) fn finish(all: impl IntoIterator<Item = Work>, deadline: Instant) -> Vec<Finding> {
    let line = ProgressBar::with_draw_target(None, output::progress_target());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        line.set_style(style);
    }
    line.enable_steady_tick(Duration::from_millis(100));
    let findings = all.into_iter().flat_map(|work| work.finish(deadline, &line)).collect();
    line.finish_and_clear();
    findings
}
