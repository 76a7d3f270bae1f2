use super::Pointer;
use proptest::prelude::*;
use std::borrow::Cow;

const BODY: &[u8] = br#" {
    "a/b": "slash", "m~n": "tilde", "": "nameless", "e\u0073c": "key with an escape",
    "text": "plain", "escaped": "caf\u00e9", "empty": "", "none": null, "yes": true, "object": {}, "list": [1, "two", [3]],
    "big": 123456789012345678901234567890, "float": 1.50, "minus": -7,
    "deep": { "0": "member", "x": { "y": 42 } },
    "twice": "first", "twice": "second"
} "#;

#[test]
fn a_pointer_reads_strings_and_numbers_only() {
    let cases = [
        ("/text", Some("plain")),
        ("/escaped", Some("café")),
        ("/a~1b", Some("slash")),
        ("/m~0n", Some("tilde")),
        ("/", Some("nameless")),
        ("/esc", Some("key with an escape")),
        ("/big", Some("123456789012345678901234567890")),
        ("/float", Some("1.50")),
        ("/minus", Some("-7")),
        ("/deep/x/y", Some("42")),
        ("/deep/0", Some("member")),
        ("/list/0", Some("1")),
        ("/list/1", Some("two")),
        ("/list/2/0", Some("3")),
        ("/twice", Some("second")),
        ("/list/3", None),
        ("/list/00", None),
        ("/list/+1", None),
        ("/list/-", None),
        ("/empty", None),
        ("/none", None),
        ("/yes", None),
        ("/object", None),
        ("/list", None),
        ("/missing", None),
        ("/text/deeper", None),
        ("/deep/x/y/z", None),
    ];
    for (pointer, expected) in cases {
        let pointer_read = Pointer::parse(pointer).unwrap();
        assert_eq!(pointer_read.read(BODY).as_deref(), expected, "{pointer}");
    }
}

#[test]
fn a_plain_string_is_borrowed_from_the_body() {
    let pointer = Pointer::parse("/text").unwrap();
    assert!(matches!(pointer.read(BODY), Some(Cow::Borrowed("plain"))));
}

#[test]
fn a_malformed_pointer_is_named_with_its_fault() {
    for (pointer, fault) in
        [("", "begins with"), ("data/id", "begins with"), ("/a~2", "`~0`"), ("/a~", "`~0`")]
    {
        let reason = Pointer::parse(pointer).unwrap_err();
        assert!(reason.contains(fault), "{pointer}: {reason}");
    }
}

#[test]
fn a_body_that_is_no_json_has_no_key() {
    let pointer = Pointer::parse("/a").unwrap();
    for body in [&b""[..], b"{", b"{\"a\":", b"\xff\xfe", b"nonsense"] {
        assert_eq!(pointer.read(body), None);
    }
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf =
        prop_oneof![any::<i64>().prop_map(Into::into), "[ab\"é]{0,3}".prop_map(Into::into), Just(().into())];
    leaf.prop_recursive(3, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Into::into),
            prop::collection::btree_map("[ab01/~]{0,2}", inner, 0..3)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #[test]
    fn a_pointer_agrees_with_a_tree(body in json(), pointer in "(/(a|b|0|1|~0|~1|a~1)?){1,3}") {
        let expected = body.pointer(&pointer).and_then(|value| match value {
            serde_json::Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            serde_json::Value::Number(number) => Some(number.to_string()),
            _ => None,
        });
        let bytes = serde_json::to_vec(&body).unwrap();
        let read = Pointer::parse(&pointer).unwrap().read(&bytes).map(Cow::into_owned);
        prop_assert_eq!(read, expected);
    }
}
