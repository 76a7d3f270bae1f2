use super::*;
use proptest::prelude::*;

#[test]
fn extend_appends_headers() {
    let own = Headers::builder(0).add("team", "voice").build();
    let headers = Headers::builder(0).add("ce_id", "1").add("empty", "").extend(&own).build();
    let all: Vec<_> = headers.iter().collect();
    assert_eq!(all, [("ce_id", &b"1"[..]), ("empty", b""), ("team", b"voice")]);
    assert_eq!(headers.get("team"), Some(&b"voice"[..]));
    assert_eq!(headers.get("absent"), None);
}

proptest! {
    #[test]
    fn headers_are_read_as_they_were_added(
        added in proptest::collection::vec((".{0,40}", proptest::collection::vec(any::<u8>(), 0..300)), 0..12),
    ) {
        let built = added.iter().fold(Headers::builder(0), |builder, (name, value)| builder.add(name, value)).build();
        let read: Vec<_> = built.iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
        prop_assert_eq!(read, added);
    }
}
