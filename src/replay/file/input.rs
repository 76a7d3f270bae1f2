use crate::input;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// Exceeds any record that Kafka accepts.
const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InputLine {
    /// From 1.
    pub(super) number: u64,
    /// Byte offset.
    pub(super) start: u64,
    /// `None` if the line exceeds the limit.
    pub(super) bytes: Option<Vec<u8>>,
}

pub(super) struct LineReader {
    reader: Box<dyn BufRead + Send>,
    longest: usize,
    /// Byte that ends a line; `None` if the whole input is one line.
    end: Option<u8>,
    pub(super) line: u64,
    /// Byte offset of the next line.
    pub(super) byte: u64,
}

impl LineReader {
    pub(super) fn file(path: &Path, line: u64, byte: u64) -> io::Result<Self> {
        let mut file = input::open_regular(path)?;
        file.seek(SeekFrom::Start(byte))?;
        Ok(Self { line, byte, ..Self::of(BufReader::with_capacity(128 * 1024, file)) })
    }

    pub(super) fn of(reader: impl BufRead + Send + 'static) -> Self {
        Self { reader: Box::new(reader), longest: MAX_LINE_BYTES, end: Some(b'\n'), line: 0, byte: 0 }
    }

    pub(super) fn whole(self) -> Self {
        Self { end: None, ..self }
    }

    pub(super) fn next(&mut self) -> io::Result<Option<InputLine>> {
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
        let start = self.byte;
        self.byte += read as u64;
        self.line += 1;
        let number = self.line;
        if bytes.pop_if(|last| Some(*last) == self.end).is_none() && bytes.len() > self.longest {
            self.pass_over()?;
            return Ok(Some(InputLine { number, start, bytes: None }));
        }
        // A single body (`Content::Body`) keeps its byte order mark.
        if number == 1 && self.end.is_some() {
            let mark = bytes.len() - input::without_mark(&bytes).len();
            bytes.drain(..mark);
        }
        Ok(Some(InputLine { number, start, bytes: Some(bytes) }))
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &'static str, longest: usize) -> (Vec<Option<String>>, u64) {
        let mut input = LineReader { longest, ..LineReader::of(text.as_bytes()) };
        let mut lines = Vec::new();
        while let Some(taken) = input.next().unwrap() {
            lines.push(taken.bytes.map(|bytes| String::from_utf8(bytes).unwrap()));
            assert_eq!(taken.number, lines.len() as u64);
        }
        (lines, input.byte)
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn lines_have_no_terminator_and_the_last_needs_none() {
        assert_eq!(lines("a\n\nbc\n", 9), (vec![some("a"), some(""), some("bc")], 6));
        assert_eq!(lines("a\nbc", 9), (vec![some("a"), some("bc")], 4));
        assert_eq!(lines("", 9), (vec![], 0));
        assert_eq!(lines("\u{feff}a\n\u{feff}b", 9), (vec![some("a"), some("\u{feff}b")], 9));
    }

    #[test]
    fn oversized_line_is_skipped_without_affecting_the_next() {
        assert_eq!(lines("aaaa\nbbbbb\ncc\n", 4), (vec![some("aaaa"), None, some("cc")], 14));
        assert_eq!(lines("bbbbbbbbbbbb", 4), (vec![None], 12));
    }

    #[test]
    fn file_is_read_from_a_saved_position() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        std::fs::write(&path, "first\nsecond\nthird").unwrap();
        let mut whole = LineReader::file(&path, 0, 0).unwrap();
        whole.next().unwrap();
        let mut rest = LineReader::file(&path, whole.line, whole.byte).unwrap();
        let expected = InputLine { number: 2, start: 6, bytes: Some(b"second".to_vec()) };
        assert_eq!(rest.next().unwrap(), Some(expected));
    }
}
