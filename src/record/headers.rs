use bytes::{BufMut, Bytes, BytesMut};

/// Headers in one allocation: for each, a length byte, the name, four length bytes and the value. A clone
/// copies nothing, and the spool stores the bytes unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers(Bytes);

impl Headers {
    /// `capacity`: encoded bytes.
    pub fn builder(capacity: usize) -> HeadersBuilder {
        HeadersBuilder(BytesMut::with_capacity(capacity))
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.iter_bytes().map(|(name, value)| (std::str::from_utf8(name).unwrap_or_default(), value))
    }

    /// Does not check that names are UTF-8, which the writer ensures.
    pub fn iter_bytes(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest: &[u8] = &self.0;
        std::iter::from_fn(move || {
            let (name_len, tail) = rest.split_first()?;
            let (name, tail) = tail.split_at_checked(usize::from(*name_len))?;
            let (value_len, tail) = tail.split_first_chunk::<4>()?;
            let (value, tail) = tail.split_at_checked(u32::from_be_bytes(*value_len) as usize)?;
            rest = tail;
            Some((name, value))
        })
    }

    /// Returns the value of the first header with the name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(each, _)| *each == name).map(|(_, value)| value)
    }

    /// [`Headers::get`] without a copy.
    pub fn get_bytes(&self, name: &str) -> Option<Bytes> {
        self.get(name).map(|value| self.0.slice_ref(value))
    }

    /// Encoded length in bytes.
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// A malformed rest is ignored.
    pub fn from_encoded(bytes: Bytes) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }
}

#[derive(Debug)]
pub struct HeadersBuilder(BytesMut);

impl HeadersBuilder {
    /// Cuts a name to 255 bytes; the settings allow no longer one.
    #[must_use]
    pub fn add(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        let name_len = name.floor_char_boundary(usize::from(u8::MAX));
        self.0.put_u8(name_len as u8);
        self.0.put_slice(&name.as_bytes()[..name_len]);
        // Values are parts of bodies or settings, far below 4 GiB.
        self.0.put_u32(value.len() as u32);
        self.0.put_slice(value);
        self
    }

    #[must_use]
    pub fn extend(mut self, headers: &Headers) -> Self {
        self.0.put_slice(&headers.0);
        self
    }

    pub fn build(self) -> Headers {
        Headers(self.0.freeze())
    }
}

#[cfg(test)]
mod tests {
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
}
