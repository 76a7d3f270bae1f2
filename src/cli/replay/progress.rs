//! Progress of a replay on a terminal.

use crate::terminal;
use indicatif::{ProgressBar, ProgressStyle};

/// Progress bar on stderr, hidden unless that is a terminal.
pub(in crate::cli) struct Progress {
    bar: ProgressBar,
    /// Last reason shown.
    waiting: Option<String>,
}

impl Progress {
    pub(in crate::cli) fn new(length: u64, template: &str) -> Self {
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(length), terminal::progress_target()).with_style(style);
        Self { bar, waiting: None }
    }

    pub(in crate::cli) fn advance(&mut self, by: u64) {
        self.waiting = None;
        self.bar.inc(by);
    }

    pub(in crate::cli) fn note(&self, text: String) {
        self.bar.set_message(text);
    }

    /// Sets the position that earlier runs reached.
    pub(in crate::cli) fn begin_at(&self, position: u64) {
        self.bar.set_position(position);
        self.bar.reset_eta();
    }

    /// Prints each reason for a wait once.
    pub(in crate::cli) fn wait(&mut self, why: &str) {
        if self.waiting.as_deref() != Some(why) {
            self.print_line(&format!("waiting for Kafka: {why}"));
            self.waiting = Some(why.to_owned());
        }
    }

    /// Writes a line to stderr, above the bar.
    pub(in crate::cli) fn print_line(&self, line: &str) {
        self.bar.suspend(|| terminal::note(line));
    }

    pub(in crate::cli) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
