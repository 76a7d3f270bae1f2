//! Content codings, undone within a limit.

use super::problem::Problem;
use crate::ingest::Permit;
use actix_web::http::header::{CONTENT_ENCODING, HeaderMap};
use bytes::Bytes;
use flate2::write::GzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use std::io::{self, Write};
use tokio::task::yield_now;

/// Compressed bytes that are decoded at a time, before other requests get their turn. They become a
/// thousand times as many at most.
const SLICE: usize = 1024;

/// Decoded bytes that are admitted and kept at a time.
const STEP: usize = 16 * 1024;

/// Most members of a gzip body. Compressors that work in parallel make one for each 64 KiB or more; each
/// costs memory to be cleared, however short it is.
const MAX_MEMBERS: usize = 1024;

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
    pub(super) async fn decode(
        self,
        body: Bytes,
        limit: usize,
        permit: &mut Permit,
    ) -> Result<Bytes, Problem> {
        // An empty body is a probe, however it says it is compressed.
        if self == Self::Identity || body.is_empty() {
            return Ok(body);
        }
        let mut decoded = Decoded { bytes: Vec::new(), limit, permit, exceeded: None };
        let end = match self {
            Self::Gzip => gunzip(&body, &mut decoded).await,
            _ => inflate(&body, &mut decoded).await,
        };
        match (end, decoded.exceeded) {
            (_, Some(problem)) => Err(problem),
            (Ok(()), None) => Ok(Bytes::from(decoded.bytes)),
            (Err(_), None) => Ok(body),
        }
    }
}

/// What was decoded so far, held to limit and budget.
struct Decoded<'a> {
    bytes: Vec<u8>,
    limit: usize,
    permit: &'a mut Permit,
    /// Why nothing more is taken.
    exceeded: Option<Problem>,
}

impl Write for Decoded<'_> {
    fn write(&mut self, step: &[u8]) -> io::Result<usize> {
        let exceeded = if step.len() > self.limit - self.bytes.len() {
            Problem::TooLarge
        } else if !self.permit.grow(step.len()) {
            Problem::OverBudget
        } else {
            self.bytes.extend_from_slice(step);
            return Ok(step.len());
        };
        self.exceeded.get_or_insert(exceeded);
        Err(io::ErrorKind::QuotaExceeded.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Its checksum and length at the end tell a body that was cut off.
async fn gunzip(body: &[u8], decoded: &mut Decoded<'_>) -> io::Result<()> {
    let (mut decoder, mut members) = (GzDecoder::new(decoded), 1);
    for mut slice in body.chunks(SLICE) {
        while !slice.is_empty() {
            let len = decoder.write(slice)?;
            if len == 0 {
                // The end of a member.
                members += 1;
                if members > MAX_MEMBERS {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                decoder = GzDecoder::new(decoder.finish()?);
            }
            slice = &slice[len..];
        }
        yield_now().await;
    }
    decoder.finish().map(drop)
}

/// Asks for the end of the stream itself: flate2's readers take a body that was cut off for a whole one.
async fn inflate(body: &[u8], decoded: &mut Decoded<'_>) -> io::Result<()> {
    let corrupt = || io::Error::from(io::ErrorKind::InvalidData);
    let mut decoder = Decompress::new(has_zlib_header(body));
    let mut step = vec![0; STEP];
    loop {
        let (read, written) = (decoder.total_in(), decoder.total_out());
        let rest = &body[read as usize..];
        let slice = &rest[..rest.len().min(SLICE)];
        let status = decoder.decompress(slice, &mut step, FlushDecompress::None).map_err(|_| corrupt())?;
        let len = (decoder.total_out() - written) as usize;
        decoded.write_all(&step[..len])?;
        match status {
            Status::StreamEnd if decoder.total_in() as usize == body.len() => return Ok(()),
            Status::StreamEnd => return Err(corrupt()),
            _ if len == 0 && decoder.total_in() == read => return Err(corrupt()),
            _ => yield_now().await,
        }
    }
}

/// The two bytes that begin RFC 1950: method 8, and a multiple of 31 together.
fn has_zlib_header(body: &[u8]) -> bool {
    matches!(body, [first, second, ..] if first & 15 == 8 && u16::from_be_bytes([*first, *second]) % 31 == 0)
}

#[cfg(test)]
mod tests;
