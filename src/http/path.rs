//! Normalization of paths (RFC 3986).

use std::borrow::Cow;

/// Decodes escaped unreserved characters: `%7E` becomes `~` (RFC 3986, 6.2.2.2). `%2F` and others stay,
/// because they do not separate segments.
pub(super) fn normalized(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let mut decoded = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        decoded.push_str(&rest[..at]);
        let unreserved = rest.get(at + 1..at + 3).and_then(unreserved);
        decoded.push(unreserved.unwrap_or('%'));
        rest = &rest[at + if unreserved.is_some() { 3 } else { 1 }..];
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

fn unreserved(digits: &str) -> Option<char> {
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let byte = is_hex.then(|| u8::from_str_radix(digits, 16).ok()).flatten()?;
    (byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)).then_some(char::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_characters_are_decoded_and_only_once() {
        for (path, expected) in [
            ("/a/b", "/a/b"),
            ("/%7e%7E", "/~~"),
            ("/%61%2D%2e%5F%30", "/a-._0"),
            ("/a%2Fb%20%C3%A9", "/a%2Fb%20%C3%A9"),
            ("/%257E", "/%257E"),
            ("/%", "/%"),
            ("/%7", "/%7"),
            ("/%+7E", "/%+7E"),
            ("/%é7E", "/%é7E"),
        ] {
            assert_eq!(normalized(path), expected, "{path}");
        }
    }
}
