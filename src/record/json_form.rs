//! JSON form of bytes and headers, in exports and on the screen.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};

/// Adds bytes as text, or as base64 under a name with `_base64`. Such a name never holds text.
pub(crate) fn bytes(into: &mut Map<String, Value>, name: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) if !name.ends_with("_base64") => into.insert(name.to_owned(), text.into()),
        _ => into.insert(format!("{name}_base64"), BASE64_STANDARD.encode(bytes).into()),
    };
}

/// A shared name has a list. If one of its values is not text, all become base64, which keeps their order.
pub(crate) fn headers<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> Map<String, Value> {
    let mut object = Map::new();
    for (name, values) in by_name(headers) {
        if let [value] = values[..] {
            bytes(&mut object, name, value);
            continue;
        }
        let texts: Option<Vec<&str>> = values.iter().map(|value| std::str::from_utf8(value).ok()).collect();
        match texts.filter(|_| !name.ends_with("_base64")) {
            Some(texts) => object.insert(name.to_owned(), texts.into()),
            None => {
                let encoded: Vec<String> = values.iter().map(|value| BASE64_STANDARD.encode(value)).collect();
                object.insert(format!("{name}_base64"), encoded.into())
            }
        };
    }
    object
}

/// As [`headers`], for text.
pub(crate) fn text_headers(headers: impl Iterator<Item = (String, String)>) -> Map<String, Value> {
    let value = |mut values: Vec<String>| {
        if values.len() == 1 { values.remove(0).into() } else { values.into() }
    };
    by_name(headers).into_iter().map(|(name, values)| (name, value(values))).collect()
}

/// Keeps the order of the headers.
fn by_name<N: PartialEq, V>(headers: impl Iterator<Item = (N, V)>) -> Vec<(N, Vec<V>)> {
    let mut names: Vec<(N, Vec<V>)> = Vec::new();
    for (name, value) in headers {
        match names.iter_mut().find(|(each, _)| *each == name) {
            Some((_, values)) => values.push(value),
            None => names.push((name, vec![value])),
        }
    }
    names
}
