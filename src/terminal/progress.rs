//! Progress bars. Writes have a deadline, because the reader may have stalled, as after Ctrl-S.

use super::stderr;
use indicatif::{ProgressDrawTarget, TermLike};
use parking_lot::Mutex;
use std::io::{self, IsTerminal};

/// Columns of a terminal that does not report its width.
const DEFAULT_WIDTH: u16 = 80;

const REFRESH_RATE: u8 = 20;

/// Hidden unless stderr is a terminal.
pub(crate) fn progress_target() -> ProgressDrawTarget {
    if !io::stderr().is_terminal() {
        return ProgressDrawTarget::hidden();
    }
    ProgressDrawTarget::term_like_with_hz(Box::new(Terminal::default()), REFRESH_RATE)
}

#[derive(Debug, Default)]
struct Terminal {
    drawing: Mutex<String>,
}

impl Terminal {
    fn add(&self, text: &str) -> io::Result<()> {
        self.drawing.lock().push_str(text);
        Ok(())
    }

    /// Terminals take a count of 0 for 1.
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
