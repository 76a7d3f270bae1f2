//! Parser of chunked bodies, which finds the end before actix reads the body.

/// Parser of chunked framing (RFC 9112, 7.1) that accepts pieces of any size. Has the states of actix's
/// decoder, so that both find the same end. actix closes a connection with malformed chunks at once, and its
/// client could receive a reset instead of the response.
#[derive(Debug, Default)]
pub(super) struct ChunkedBody {
    state: ChunkState,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum ChunkState {
    #[default]
    SizeStart,
    Size(u64),
    /// In white space after the size.
    Space(u64),
    Extension(u64),
    /// Before the line feed after the size.
    SizeEnd(u64),
    Content(u64),
    ContentCr,
    ContentLf,
    /// At the start of a trailer line, or of the empty last line.
    LineStart,
    Trailer,
    TrailerEnd,
    LastLf,
    End,
    Malformed,
}

impl ChunkedBody {
    /// Returns the number of bytes of the body, up to its end or to the first malformed byte.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            if let ChunkState::Content(left) = self.state {
                let here = left.min((bytes.len() - at) as u64);
                // The cast is lossless: the value is at most the length of a slice.
                at += here as usize;
                self.state =
                    if here == left { ChunkState::ContentCr } else { ChunkState::Content(left - here) };
                continue;
            }
            self.state = match self.state {
                ChunkState::End | ChunkState::Malformed => return at,
                state => next(state, bytes[at]),
            };
            at += usize::from(self.state != ChunkState::Malformed);
        }
        at
    }

    pub(super) fn is_malformed(&self) -> bool {
        self.state == ChunkState::Malformed
    }

    pub(super) fn has_ended(&self) -> bool {
        self.state == ChunkState::End
    }
}

fn next(state: ChunkState, byte: u8) -> ChunkState {
    match (state, byte) {
        (ChunkState::SizeStart, digit) => with_digit(0, digit),
        (ChunkState::Size(size) | ChunkState::Space(size) | ChunkState::Extension(size), b'\r') => {
            ChunkState::SizeEnd(size)
        }
        (ChunkState::Size(size) | ChunkState::Space(size), b'\t' | b' ') => ChunkState::Space(size),
        (ChunkState::Size(size) | ChunkState::Space(size), b';') => ChunkState::Extension(size),
        (ChunkState::Size(size), digit) => with_digit(size, digit),
        (ChunkState::Extension(size), byte) if byte == b'\t' || !byte.is_ascii_control() => {
            ChunkState::Extension(size)
        }
        (ChunkState::SizeEnd(0), b'\n') => ChunkState::LineStart,
        (ChunkState::SizeEnd(size), b'\n') => ChunkState::Content(size),
        (ChunkState::ContentCr, b'\r') => ChunkState::ContentLf,
        (ChunkState::ContentLf, b'\n') => ChunkState::SizeStart,
        (ChunkState::LineStart, b'\r') => ChunkState::LastLf,
        (ChunkState::LineStart, _) => ChunkState::Trailer,
        (ChunkState::Trailer, b'\r') => ChunkState::TrailerEnd,
        (ChunkState::Trailer, _) => ChunkState::Trailer,
        (ChunkState::TrailerEnd, b'\n') => ChunkState::LineStart,
        (ChunkState::LastLf, b'\n') => ChunkState::End,
        _ => ChunkState::Malformed,
    }
}

fn with_digit(size: u64, byte: u8) -> ChunkState {
    let digit = char::from(byte).to_digit(16);
    match digit.and_then(|digit| Some(size.checked_mul(16)? + u64::from(digit))) {
        Some(size) => ChunkState::Size(size),
        None => ChunkState::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(text: &str) -> Option<usize> {
        let mut body = ChunkedBody::default();
        let taken = body.take(text.as_bytes());
        body.has_ended().then_some(taken)
    }

    #[test]
    fn body_ends_after_its_last_chunk_and_trailers() {
        assert_eq!(end("3\r\nabc\r\n0\r\n\r\nPOST"), Some(13));
        assert_eq!(end("3;x=\"y\"\r\nabc\r\n00\r\na: b\r\n\r\nPOST"), Some(26));
        assert_eq!(end("A \r\n0123456789\r\n0\r\n\r\n"), Some(21));
        assert_eq!(end("3\r\nabc\r\n"), None);
    }

    #[test]
    fn empty_lines_of_the_content_are_not_its_end() {
        assert_eq!(end("8\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\n"), Some(18));
        assert_eq!(end("5\r\n0\r\n\r\n\r\n0\r\n\r\n!"), Some(15));
    }

    #[test]
    fn body_may_arrive_byte_by_byte() {
        let mut body = ChunkedBody::default();
        let text = b"3\r\nabc\r\n0\r\n\r\n";
        for (at, byte) in text.iter().enumerate() {
            assert_eq!((body.has_ended(), body.take(&[*byte])), (false, 1), "{at}");
        }
        assert_eq!((body.has_ended(), body.take(b"POST")), (true, 0));
    }

    #[test]
    fn malformed_body_is_read_up_to_its_error() {
        for (text, taken) in [
            ("zz\r\n0\r\n\r\n", 0),
            ("3\r\nabcd0\r\n\r\n", 6),
            ("fffffffffffffffff\r\n", 16),
            ("0\n\r\n", 1),
            ("\r\n0\r\n\r\n", 0),
            ("1;a\u{1}\r\n", 3),
        ] {
            let mut body = ChunkedBody::default();
            assert_eq!((body.take(text.as_bytes()), body.is_malformed()), (taken, true), "{text}");
            assert_eq!(body.take(b"0\r\n\r\n"), 0, "{text}");
        }
    }
}
