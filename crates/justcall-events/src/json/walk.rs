//! Second visit of an object's fields, without parsing: a third of the work.

use super::Value;
use memchr::memchr2;

/// Visits like `each_field`. `object` must have been read as a JSON object; otherwise the fields are unspecified.
pub(crate) fn each_known_field<'a>(object: &'a str, mut visit: impl FnMut(&str, Value<'a>)) {
    let bytes = object.as_bytes();
    let mut at = 0;
    while let Some(begin) = next(bytes, at, |byte| byte == b'"') {
        let end = end_of_string(bytes, begin);
        let value_begin = next(bytes, end, |byte| !byte.is_ascii_whitespace() && byte != b':');
        let Some(value_begin) = value_begin else { return };
        let value_end = end_of_value(bytes, value_begin);
        let (Some(name), Some(value)) = (object.get(begin..end), object.get(value_begin..value_end)) else {
            return;
        };
        if let Some(name) = Value(name).as_string() {
            visit(&name, Value(value));
        }
        at = value_end;
    }
}

fn next(bytes: &[u8], at: usize, is: impl Fn(u8) -> bool) -> Option<usize> {
    bytes.get(at..)?.iter().position(|byte| is(*byte)).map(|offset| at + offset)
}

fn end_of_string(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(offset) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        let stop = at + offset;
        if bytes[stop] == b'"' {
            return stop + 1;
        }
        at = stop + 2;
    }
    bytes.len()
}

/// Counts brackets: valid JSON matches them.
fn end_of_value(bytes: &[u8], at: usize) -> usize {
    match bytes[at] {
        b'"' => end_of_string(bytes, at),
        b'{' | b'[' => end_of_brackets(bytes, at),
        _ => next(bytes, at, |byte| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace())
            .unwrap_or(bytes.len()),
    }
}

fn end_of_brackets(bytes: &[u8], at: usize) -> usize {
    let (mut at, mut open) = (at, 0_usize);
    while let Some(stop) = next(bytes, at, |byte| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']')) {
        at = stop + 1;
        match bytes[stop] {
            b'"' => at = end_of_string(bytes, stop),
            b'{' | b'[' => open += 1,
            _ if open <= 1 => return at,
            _ => open -= 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::super::each_field;
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value as Json;

    fn walked(text: &str) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        each_known_field(text, |name, value| fields.push((name.to_owned(), value.0.to_owned())));
        fields
    }

    fn read(text: &str) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        each_field(text, |name, value| fields.push((name.to_owned(), value.get().to_owned()))).unwrap();
        fields
    }

    #[test]
    fn fields_match_a_json_parser() {
        for text in [
            "{}",
            " { } ",
            r#"{"a":1}"#,
            " {\n\"a\" :\t-1.5e3 ,\r\n \"\" : null}",
            r#"{"a\"b":"c\\","d":"}{][\",","e":{"f":[1,{"g":"]}"}],"h":{}},"i":[],"j":true}"#,
            r#"{"\u0061":"\u0022","\ud83d\ude00":1,"\ud83d":2,"a":3,"a":4}"#,
            r#"{"a":[[[[]]]],"é":"ü","b":"\\\\\\\""}"#,
        ] {
            assert_eq!(walked(text), read(text), "{text}");
        }
    }

    #[test]
    fn invalid_json_ends_the_walk() {
        for text in
            ["", "{", "\"", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":\"", "{\"a\":[", "{\"a\\", "{\"a\":\"é\\"]
        {
            let _ = walked(text);
        }
    }

    fn json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<f64>().prop_map(Json::from),
            any::<String>().prop_map(Json::from),
            r#"[\\"{}\[\],: \n]*"#.prop_map(Json::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
                prop::collection::hash_map(any::<String>(), inner, 0..6)
                    .prop_map(|fields| Json::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn walk_of_any_object_matches_a_json_parser(
            fields in prop::collection::hash_map(any::<String>(), json(), 0..6),
            pretty: bool,
        ) {
            let object = Json::Object(fields.into_iter().collect());
            let text = if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) };
            let text = text.unwrap();
            prop_assert_eq!(walked(&text), read(&text));
        }

        #[test]
        fn walk_of_any_text_ends(text: String) {
            let _ = walked(&text);
        }
    }
}
