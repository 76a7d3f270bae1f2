//! Encoding of a record in the spool: version, timestamp, key, headers and value.

use crate::record::{Headers, Record};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use std::sync::Arc;

const VERSION: u8 = 1;
/// Key length that means no key.
const NO_KEY: u32 = u32::MAX;
const FIXED: usize = 1 + 8 + 4 + 4;

pub(super) fn size(record: &Record) -> usize {
    FIXED + record.size()
}

/// Encodes a record without its topic, which is the name of the lane.
pub(super) fn encode(record: &Record) -> Bytes {
    let mut bytes = BytesMut::with_capacity(size(record));
    bytes.put_u8(VERSION);
    bytes.put_i64(record.timestamp);
    match &record.key {
        Some(key) => {
            // A key is part of a body, far below 4 GiB, as are headers.
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

/// Decodes a record without a copy. `None`: this version did not write it.
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
mod tests {
    use super::*;

    fn record(key: Option<&'static str>, value: &'static [u8]) -> Record {
        Record {
            topic: Arc::from("t"),
            key: key.map(Bytes::from),
            headers: Headers::builder(64).add("ce_id", "1").add("empty", "").build(),
            value: Bytes::from_static(value),
            timestamp: -5,
        }
    }

    #[test]
    fn what_was_kept_comes_back_whole() {
        for record in [record(Some("call_1"), b"{}"), record(None, b""), record(Some(""), b"\0\xff")] {
            assert_eq!(decode(&record.topic, encode(&record)), Some(record));
        }
    }

    #[test]
    fn cut_or_foreign_bytes_are_no_record() {
        let whole = encode(&record(Some("call_1"), b""));
        for length in 0..whole.len() {
            assert_eq!(decode(&Arc::from("t"), whole.slice(..length)), None, "{length} bytes");
        }
        let mut newer = whole.to_vec();
        newer[0] = 2;
        assert_eq!(decode(&Arc::from("t"), newer.into()), None);
    }
}
