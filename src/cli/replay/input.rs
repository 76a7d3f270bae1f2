//! The lines of the file.

use crate::cli::files;
use crate::input;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

#[cfg(test)]
mod tests;

/// The longest line that is taken, in bytes. Larger than any record that Kafka takes.
const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// A line as it stands, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Taken {
    /// Counted from 1.
    pub(super) number: u64,
    /// `None`: it is longer than any that is taken.
    pub(super) bytes: Option<Vec<u8>>,
}

/// Reads lines one after the other.
pub(super) struct Input {
    reader: Box<dyn BufRead + Send>,
    longest: usize,
    /// Byte that ends a line; `None`: the whole input is one line.
    end: Option<u8>,
    /// Lines that were read.
    pub(super) line: u64,
    /// Where the next one begins.
    pub(super) byte: u64,
}

impl Input {
    /// A file, from a line on whose place is known.
    pub(super) fn file(path: &Path, line: u64, byte: u64) -> io::Result<Self> {
        let mut file = input::open_regular(path)?;
        file.seek(SeekFrom::Start(byte))?;
        Ok(Self { line, byte, ..Self::of(BufReader::with_capacity(128 * 1024, file)) })
    }

    /// Anything that has lines.
    pub(super) fn of(reader: impl BufRead + Send + 'static) -> Self {
        Self { reader: Box::new(reader), longest: MAX_LINE_BYTES, end: Some(b'\n'), line: 0, byte: 0 }
    }

    /// Takes the whole input as one line.
    pub(super) fn whole(self) -> Self {
        Self { end: None, ..self }
    }

    /// The next line; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Taken>> {
        let mut bytes = Vec::new();
        let most = self.longest as u64 + 1;
        let mut limited = self.reader.by_ref().take(most);
        let read = match self.end {
            Some(end) => limited.read_until(end, &mut bytes)?,
            None => limited.read_to_end(&mut bytes)?,
        };
        if read == 0 {
            return Ok(None);
        }
        self.byte += read as u64;
        self.line += 1;
        let number = self.line;
        if bytes.pop_if(|last| Some(*last) == self.end).is_none() && bytes.len() > self.longest {
            self.pass_over()?;
            return Ok(Some(Taken { number, bytes: None }));
        }
        // One body is taken as it is, one line of a file without the mark that some editors write before it.
        if number == 1 && self.end.is_some() {
            let mark = bytes.len() - files::without_mark(&bytes).len();
            bytes.drain(..mark);
        }
        Ok(Some(Taken { number, bytes: Some(bytes) }))
    }

    /// Passes over what is left of a line.
    fn pass_over(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.reader.fill_buf()?;
            let end = buffer.iter().position(|byte| Some(*byte) == self.end);
            let used = end.map_or(buffer.len(), |at| at + 1);
            self.reader.consume(used);
            self.byte += used as u64;
            if end.is_some() || used == 0 {
                return Ok(());
            }
        }
    }
}
