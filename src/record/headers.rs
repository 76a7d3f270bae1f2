//! A record's headers in one allocation.

use bytes::{BufMut, Bytes, BytesMut};

/// A record's headers, encoded one behind the other: a length byte and the name, four length bytes
/// and the value. One allocation holds them all, a clone copies nothing, and a spool can keep the
/// bytes as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers(Bytes);

impl Headers {
    /// Starts a list, with room for `capacity` encoded bytes.
    pub fn builder(capacity: usize) -> HeadersBuilder {
        HeadersBuilder(BytesMut::with_capacity(capacity))
    }

    /// The headers in the order they were written.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.iter_bytes().map(|(name, value)| (std::str::from_utf8(name).unwrap_or_default(), value))
    }

    /// The same without a look at whether the names are UTF-8, which whoever writes them saw to.
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

    /// The value of the first header of that name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(each, _)| *each == name).map(|(_, value)| value)
    }

    /// The same without a copy.
    pub fn get_bytes(&self, name: &str) -> Option<Bytes> {
        self.get(name).map(|value| self.0.slice_ref(value))
    }

    /// Encoded length in bytes.
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// Headers that were kept in their encoded form. What cannot be read of it is left out.
    pub fn from_encoded(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// The encoded form, for keeping it.
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }
}

/// Writes [`Headers`].
#[derive(Debug)]
pub struct HeadersBuilder(BytesMut);

impl HeadersBuilder {
    /// Adds a header. A name is cut to 255 bytes, which settings do not let it reach.
    #[must_use]
    pub fn add(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        let name_len = name.floor_char_boundary(usize::from(u8::MAX));
        self.0.put_u8(name_len as u8);
        self.0.put_slice(&name.as_bytes()[..name_len]);
        // A value is part of a body or of a setting, and so far below 4 GiB.
        self.0.put_u32(value.len() as u32);
        self.0.put_slice(value);
        self
    }

    /// Adds headers that were encoded before, such as a route's own.
    #[must_use]
    pub fn extend(mut self, headers: &Headers) -> Self {
        self.0.put_slice(&headers.0);
        self
    }

    /// Ends the list.
    pub fn build(self) -> Headers {
        Headers(self.0.freeze())
    }
}

#[cfg(test)]
mod tests;
