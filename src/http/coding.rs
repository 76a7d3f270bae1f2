//! Content codings, undone within a limit.

use super::problem::Problem;
use crate::ingest::Permit;
use actix_web::http::header::{CONTENT_ENCODING, HeaderMap};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use std::io::Read;

/// Decoded bytes that are admitted and kept at a time.
const STEP: usize = 16 * 1024;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// Not at all.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 1950, or bare RFC 1951 as some send it.
    Deflate,
}

impl Coding {
    /// What the header says.
    ///
    /// # Errors
    /// For any other coding, and for several on top of each other.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut values = headers.get_all(CONTENT_ENCODING);
        let Some(value) = values.next() else { return Ok(Self::Identity) };
        if values.next().is_some() {
            return Err(Problem::UnsupportedEncoding);
        }
        match value.as_bytes().trim_ascii().to_ascii_lowercase().as_slice() {
            b"" | b"identity" => Ok(Self::Identity),
            b"gzip" | b"x-gzip" => Ok(Self::Gzip),
            b"deflate" => Ok(Self::Deflate),
            _ => Err(Problem::UnsupportedEncoding),
        }
    }

    /// The body as it was before it was compressed: at most `limit` bytes, each admitted.
    ///
    /// A body that is corrupt, cut off or followed by anything else is returned as it came. It is no
    /// JSON then, and is kept like any other body that is none; or it is, because somebody undid the
    /// coding on the way and left its name.
    ///
    /// # Errors
    /// Where it exceeds the limit or the budget.
    pub(super) fn decode(self, body: Bytes, limit: usize, permit: &mut Permit) -> Result<Bytes, Problem> {
        // An empty body is a probe, however it says it is compressed.
        if self == Self::Identity || body.is_empty() {
            return Ok(body);
        }
        let mut decoded = Decoded { bytes: Vec::new(), limit, permit };
        let end = match self {
            Self::Gzip => gunzip(&body, &mut decoded),
            _ => inflate(&body, &mut decoded),
        };
        match end {
            Ok(()) => Ok(Bytes::from(decoded.bytes)),
            Err(Stop::Corrupt) => Ok(body),
            Err(Stop::Beyond(problem)) => Err(problem),
        }
    }
}

/// Why decoding ended before the body did.
enum Stop {
    /// It is not what its coding says.
    Corrupt,
    /// It exceeds the limit or the budget.
    Beyond(Problem),
}

/// What was decoded so far, held to limit and budget.
struct Decoded<'a> {
    bytes: Vec<u8>,
    limit: usize,
    permit: &'a mut Permit,
}

impl Decoded<'_> {
    fn add(&mut self, step: &[u8]) -> Result<(), Stop> {
        if step.len() > self.limit - self.bytes.len() {
            return Err(Stop::Beyond(Problem::TooLarge));
        }
        if !self.permit.grow(step.len()) {
            return Err(Stop::Beyond(Problem::OverBudget));
        }
        self.bytes.extend_from_slice(step);
        Ok(())
    }
}

/// Its checksum and length at the end tell a body that was cut off.
fn gunzip(body: &[u8], decoded: &mut Decoded) -> Result<(), Stop> {
    let mut decoder = MultiGzDecoder::new(body);
    let mut step = [0; STEP];
    loop {
        match decoder.read(&mut step) {
            Ok(0) => return Ok(()),
            Ok(len) => decoded.add(&step[..len])?,
            Err(_) => return Err(Stop::Corrupt),
        }
    }
}

/// Asks for the end of the stream itself: flate2's readers take a body that was cut off for a whole one.
fn inflate(body: &[u8], decoded: &mut Decoded) -> Result<(), Stop> {
    let mut decoder = Decompress::new(has_zlib_header(body));
    let mut step = [0; STEP];
    loop {
        let (read, written) = (decoder.total_in(), decoder.total_out());
        let rest = &body[read as usize..];
        let status = decoder.decompress(rest, &mut step, FlushDecompress::None).map_err(|_| Stop::Corrupt)?;
        let len = (decoder.total_out() - written) as usize;
        decoded.add(&step[..len])?;
        match status {
            Status::StreamEnd if decoder.total_in() as usize == body.len() => return Ok(()),
            Status::StreamEnd => return Err(Stop::Corrupt),
            _ if len == 0 && decoder.total_in() == read => return Err(Stop::Corrupt),
            _ => {}
        }
    }
}

/// The two bytes that begin RFC 1950: method 8, and a multiple of 31 together.
fn has_zlib_header(body: &[u8]) -> bool {
    matches!(body, [first, second, ..] if first & 15 == 8 && u16::from_be_bytes([*first, *second]) % 31 == 0)
}

#[cfg(test)]
mod tests;
