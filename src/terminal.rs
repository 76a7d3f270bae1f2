//! Standard output and standard error. Senders' text may contain characters that a terminal obeys; no command
//! writes those raw, or reports success if a write of its output failed.

mod progress;
mod stderr;
mod stdout;

pub(crate) use progress::progress_target;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, BufWriter, IsTerminal, Write};
use stdout::Stdout;

/// Writer to stdout that escapes control characters, except line feed and tab, as JSON's `\uXXXX`: JSON keeps
/// its value. Fields of a text need [`printable`].
pub(crate) struct Output<W: Write = Stdout> {
    inner: BufWriter<W>,
}

pub(crate) fn stdout() -> Output {
    Output { inner: BufWriter::new(Stdout::new()) }
}

impl<W: Write> Output<W> {
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inner.write_all(bytes)
    }
}

impl<W: Write> Write for Output<W> {
    /// Receives whole characters, because `write!` passes whole strings.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write_all(escaped(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Fails if stdout is not open for writing, or a write fails.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = stdout();
    written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Escapes only if stdout is a terminal.
pub(crate) fn print_bytes(bytes: &[u8]) -> io::Result<()> {
    let mut out = stdout();
    let result = if io::stdout().is_terminal() { out.write_all(bytes) } else { out.raw(bytes) };
    written(result.and_then(|()| out.flush()))
}

/// A closed pipe is a success, because its reader wants no more.
pub(crate) fn written(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// `print`: a library's function that chooses the colours.
pub(crate) fn print_coloured(print: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    written(stdout::check().and_then(|()| print()).and_then(|()| io::stdout().flush()))
}

/// Writes a line to stderr, line feeds escaped. The reader may have stalled, so the write has a deadline.
pub(crate) fn note(line: &str) {
    stderr::write(format!("{}\n", printable(line)));
}

/// Writes the last lines of a command, each as [`note`].
pub(crate) fn last_note<L: AsRef<str>>(lines: &[L]) {
    stderr::write_last(lines.iter().map(|line| format!("{}\n", printable(line.as_ref()))).collect());
}

/// Without an end of line.
pub(crate) fn ask(question: &str) {
    stderr::write(escaped(question).into_owned());
}

/// Writes the last text of a command to stderr: `coloured`, unchanged, if stderr shows colours.
pub(crate) fn last_text(plain: &str, coloured: Option<String>) {
    let coloured = coloured.filter(|_| stderr::is_coloured());
    stderr::write_last(coloured.unwrap_or_else(|| escaped(plain).into_owned()));
}

/// Escapes every control character, line feeds included.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let each = |c: char| if is_obeyed(c) { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(each).collect())
}

fn escaped(text: &str) -> Cow<'_, str> {
    let is_escaped = |c: char| is_obeyed(c) && !matches!(c, '\n' | '\t');
    if !text.contains(is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_escaped(c) {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// C0, DEL, C1, bidirectional controls (UAX #9), line and paragraph separators.
pub(crate) fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "\u{0}\u{1b}[2J\r\u{7f}\u{80}\u{9b}31m\u{9f}\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}";

    fn through_output(text: &str) -> String {
        let mut out = Output { inner: BufWriter::new(Vec::new()) };
        write!(out, "{text}").unwrap();
        String::from_utf8(out.inner.into_inner().unwrap()).unwrap()
    }

    #[test]
    fn control_characters_are_escaped() {
        let shown = through_output(HOSTILE) + &printable(HOSTILE) + &printable("\n\t");
        assert!(!shown.contains(is_obeyed), "{shown:?}");
        assert_eq!(through_output("a\tü\n"), "a\tü\n");
    }

    #[test]
    fn escaped_json_keeps_its_value() {
        let value = serde_json::json!({ "text": HOSTILE, HOSTILE: 1 });
        let shown = through_output(&value.to_string());
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }

    #[test]
    fn closed_pipe_is_a_success_and_full_disk_a_failure() {
        assert!(written(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
        let failure = written(Err(io::ErrorKind::StorageFull.into())).unwrap_err();
        assert_eq!(failure.kind(), io::ErrorKind::StorageFull);
    }
}
