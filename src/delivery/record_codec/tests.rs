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
