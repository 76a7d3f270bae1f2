//! A record as the spool keeps it: a version, the time, the key, the headers and the value.

use crate::record::{Headers, Record};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use std::sync::Arc;

const VERSION: u8 = 1;
/// Stands for the length of a key that is not there.
const NO_KEY: u32 = u32::MAX;
const FIXED: usize = 1 + 8 + 4 + 4;

/// How many bytes [`encode`] makes of a record.
pub(super) fn size(record: &Record) -> usize {
    FIXED + record.size()
}

/// The record as bytes. Its topic is the lane's name and is not among them.
pub(super) fn encode(record: &Record) -> Bytes {
    let mut bytes = BytesMut::with_capacity(size(record));
    bytes.put_u8(VERSION);
    bytes.put_i64(record.timestamp);
    match &record.key {
        Some(key) => {
            // A key is part of a body, and so far below 4 GiB; likewise the headers.
            bytes.put_u32(key.len() as u32);
            bytes.put_slice(key);
        }
        None => bytes.put_u32(NO_KEY),
    }
    bytes.put_u32(record.headers.size() as u32);
    bytes.put_slice(record.headers.as_bytes());
    bytes.put_slice(&record.value);
    bytes.freeze()
}

/// The record that was kept; `None` for what this version did not write. Copies nothing.
pub(super) fn decode(topic: &Arc<str>, mut bytes: Bytes) -> Option<Record> {
    if bytes.try_get_u8().ok()? != VERSION {
        return None;
    }
    let timestamp = bytes.try_get_i64().ok()?;
    let key = match bytes.try_get_u32().ok()? {
        NO_KEY => None,
        length => Some(take(&mut bytes, length)?),
    };
    let length = bytes.try_get_u32().ok()?;
    let headers = Headers::from_encoded(take(&mut bytes, length)?);
    Some(Record { topic: Arc::clone(topic), key, headers, value: bytes, timestamp })
}

fn take(bytes: &mut Bytes, length: u32) -> Option<Bytes> {
    let length = length as usize;
    (bytes.len() >= length).then(|| bytes.split_to(length))
}

#[cfg(test)]
mod tests;
