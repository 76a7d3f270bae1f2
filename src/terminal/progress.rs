//! Terminal for progress bars. Writes have a deadline, because the reader may have stalled, as after Ctrl-S.

use super::stderr;
use indicatif::{ProgressDrawTarget, TermLike};
use parking_lot::Mutex;
use std::io::{self, IsTerminal};

/// Width of a terminal that does not report one, in columns.
const DEFAULT_WIDTH: u16 = 80;

/// Redraws per second.
const REFRESH_RATE: u8 = 20;

/// Returns the target for progress bars: stderr if it is a terminal, otherwise none.
pub(crate) fn progress_target() -> ProgressDrawTarget {
    if !io::stderr().is_terminal() {
        return ProgressDrawTarget::hidden();
    }
    ProgressDrawTarget::term_like_with_hz(Box::new(Terminal::default()), REFRESH_RATE)
}

/// Writer of a drawing, as one text.
#[derive(Debug, Default)]
struct Terminal {
    drawing: Mutex<String>,
}

impl Terminal {
    fn add(&self, text: &str) -> io::Result<()> {
        self.drawing.lock().push_str(text);
        Ok(())
    }

    /// Adds a control sequence with a count, which terminals take for 1 if it is 0.
    fn control(&self, count: usize, letter: char) -> io::Result<()> {
        if count == 0 { Ok(()) } else { self.add(&format!("\x1b[{count}{letter}")) }
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        let size = rustix::termios::tcgetwinsize(io::stderr());
        size.map(|size| size.ws_col).ok().filter(|width| *width > 0).unwrap_or(DEFAULT_WIDTH)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.control(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.control(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.control(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.control(n, 'D')
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.add(line)?;
        self.add("\n")
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.add(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.add("\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        let drawing = std::mem::take(&mut *self.drawing.lock());
        if !drawing.is_empty() {
            stderr::write(drawing);
        }
        Ok(())
    }
}
