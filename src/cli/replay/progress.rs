//! How far a replay is, for a person who watches.

use crate::cli::output;
use indicatif::{ProgressBar, ProgressStyle};

/// A bar on stderr, hidden unless that is a terminal, and lines beside it.
pub(in crate::cli) struct Progress {
    bar: ProgressBar,
    /// What was said last while waiting.
    waiting: Option<String>,
}

impl Progress {
    /// A bar of that length.
    pub(in crate::cli) fn new(length: u64, template: &str) -> Self {
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(length), output::progress_target()).with_style(style);
        Self { bar, waiting: None }
    }

    /// So much more is done.
    pub(in crate::cli) fn advance(&mut self, by: u64) {
        self.waiting = None;
        self.bar.inc(by);
    }

    /// What stands beside the bar.
    pub(in crate::cli) fn note(&self, text: String) {
        self.bar.set_message(text);
    }

    /// So much of it was done before.
    pub(in crate::cli) fn begin_at(&self, position: u64) {
        self.bar.set_position(position);
        self.bar.reset_eta();
    }

    /// Says why nothing goes on, once for each reason.
    pub(in crate::cli) fn wait(&mut self, why: &str) {
        if self.waiting.as_deref() != Some(why) {
            self.print_line(&format!("waiting for Kafka: {why}"));
            self.waiting = Some(why.to_owned());
        }
    }

    /// Writes a line to stderr, above the bar.
    pub(in crate::cli) fn print_line(&self, line: &str) {
        self.bar.suspend(|| output::note(line));
    }

    /// Takes the bar away.
    pub(in crate::cli) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
