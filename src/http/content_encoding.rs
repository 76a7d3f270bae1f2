//! Content encodings, decoded within limits.

use super::problem::Problem;
use crate::ingest::Permit;
use actix_web::http::header::{CONTENT_ENCODING, HeaderMap};
use bytes::Bytes;
use flate2::write::GzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use std::io::{self, Write};
use tokio::task::yield_now;

/// Compressed bytes that are decoded before other tasks run: at most a thousand times that number of decoded
/// bytes.
const INPUT_CHUNK_SIZE: usize = 1024;

/// Decoded bytes that are admitted in one step.
const OUTPUT_CHUNK_SIZE: usize = 16 * 1024;

/// Parallel compressors write a member for each 64 KiB or more. Each costs a cleared buffer.
const MAX_MEMBERS: usize = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContentEncoding {
    Identity,
    Gzip,
    /// zlib (RFC 1950), or raw deflate (RFC 1951), which some clients send.
    Deflate,
}

impl ContentEncoding {
    /// Fails for an unsupported encoding, and for several.
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

    /// Decodes up to `limit` bytes, each admitted under `permit`. A body that is corrupt, truncated or
    /// followed by other bytes is returned as received: it becomes a dead letter, unless a proxy decoded it
    /// and kept the header.
    pub(super) async fn decode(
        self,
        body: Bytes,
        limit: usize,
        permit: &mut Permit,
    ) -> Result<Bytes, Problem> {
        // An empty body is a probe, whatever its header says.
        if self == Self::Identity || body.is_empty() {
            return Ok(body);
        }
        let mut decoded = Decoded { bytes: Vec::new(), limit, permit, exceeded: None };
        let end = match self {
            Self::Gzip => decode_gzip(&body, &mut decoded).await,
            _ => decode_deflate(&body, &mut decoded).await,
        };
        match (end, decoded.exceeded) {
            (_, Some(problem)) => Err(problem),
            (Ok(()), None) => Ok(Bytes::from(decoded.bytes)),
            (Err(_), None) => Ok(body),
        }
    }
}

struct Decoded<'a> {
    bytes: Vec<u8>,
    limit: usize,
    permit: &'a mut Permit,
    exceeded: Option<Problem>,
}

impl Write for Decoded<'_> {
    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        let exceeded = if chunk.len() > self.limit - self.bytes.len() {
            Problem::TooLarge
        } else if !self.permit.grow(chunk.len()) {
            Problem::OverBudget
        } else {
            self.bytes.extend_from_slice(chunk);
            return Ok(chunk.len());
        };
        self.exceeded.get_or_insert(exceeded);
        Err(io::ErrorKind::QuotaExceeded.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The trailer's checksum and length reveal a truncated body.
async fn decode_gzip(body: &[u8], decoded: &mut Decoded<'_>) -> io::Result<()> {
    let (mut decoder, mut members) = (GzDecoder::new(decoded), 1);
    for mut chunk in body.chunks(INPUT_CHUNK_SIZE) {
        while !chunk.is_empty() {
            let len = decoder.write(chunk)?;
            if len == 0 {
                // End of a member.
                members += 1;
                if members > MAX_MEMBERS {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                decoder = GzDecoder::new(decoder.finish()?);
            }
            chunk = &chunk[len..];
        }
        yield_now().await;
    }
    decoder.finish().map(drop)
}

/// Checks the end of the stream, because flate2's readers accept a truncated one.
async fn decode_deflate(body: &[u8], decoded: &mut Decoded<'_>) -> io::Result<()> {
    let corrupt = || io::Error::from(io::ErrorKind::InvalidData);
    let mut decoder = Decompress::new(has_zlib_header(body));
    let mut output = vec![0; OUTPUT_CHUNK_SIZE];
    loop {
        let (read, written) = (decoder.total_in(), decoder.total_out());
        let rest = &body[read as usize..];
        let input = &rest[..rest.len().min(INPUT_CHUNK_SIZE)];
        let status = decoder.decompress(input, &mut output, FlushDecompress::None).map_err(|_| corrupt())?;
        let len = (decoder.total_out() - written) as usize;
        decoded.write_all(&output[..len])?;
        match status {
            Status::StreamEnd if decoder.total_in() as usize == body.len() => return Ok(()),
            Status::StreamEnd => return Err(corrupt()),
            _ if len == 0 && decoder.total_in() == read => return Err(corrupt()),
            _ => yield_now().await,
        }
    }
}

/// RFC 1950, 2.2.
fn has_zlib_header(body: &[u8]) -> bool {
    matches!(body, [first, second, ..] if first & 15 == 8 && u16::from_be_bytes([*first, *second]) % 31 == 0)
}

#[cfg(test)]
mod tests;
