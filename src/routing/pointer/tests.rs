use super::Pointer;
use crate::routing::field_values::{FieldTable, FieldValues};
use crate::routing::table::tests::event;
use justcall_events::{Level, Picks, Scanned, Validation, scan_with};
use proptest::prelude::*;

fn read(pointer: &str, data: &str) -> Option<String> {
    let mut pointers = FieldTable::default();
    let pointed = pointers.add(Pointer::parse(&format!("/data{pointer}")).unwrap());
    let body = format!(r#"{{"event":"call.missed","data":{data}}}"#);
    let mut picks = Picks::of(pointers.picks());
    let Ok(Scanned::Envelope(envelope)) = scan_with(body.as_bytes(), &mut picks) else { panic!("{body}") };
    // The value does not depend on the result of the validation.
    let hash = justcall_events::BodyHash::of(body.as_bytes());
    let _ = envelope.validate_with(Validation::Documented, &hash, &mut picks);
    FieldValues::new(&pointers, &picks, &event("call.missed")).get(&pointed).text().map(str::to_owned)
}

const DATA: &str = r#" {
    "a/b": "slash", "m~n": "tilde", "": "nameless", "e\u0073c": "key with an escape",
    "text": "plain", "escaped": "caf\u00e9", "empty": "", "none": null, "yes": true, "object": {}, "list": [1, "two", [3]],
    "big": 123456789012345678901234567890, "float": 1.50, "minus": -7,
    "deep": { "0": "member", "x": { "y": 42 } },
    "twice": "first", "twice": "second"
} "#;

#[test]
fn pointer_reads_text() {
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
        ("/yes", Some("true")),
        ("/object", None),
        ("/list", None),
        ("/missing", None),
        ("/text/deeper", None),
        ("/deep/x/y/z", None),
    ];
    for (pointer, expected) in cases {
        assert_eq!(read(pointer, DATA).as_deref(), expected, "{pointer}");
    }
}

/// The same holds in `data` and at the top level.
#[test]
fn invalid_unicode_name_hides_no_other() {
    let data = r#"{ "\ud800": 1, "deep": { "\ud800": 1, "\u0061": "found", "list": ["\ud800", "two"] } }"#;
    assert_eq!(read("/deep/a", data).as_deref(), Some("found"));
    assert_eq!(read("/deep/list/1", data).as_deref(), Some("two"));
}

#[test]
fn malformed_pointer_is_refused() {
    for (pointer, fault) in [("", "begin with"), ("data/id", "begin with"), ("/a~2", "`~0`"), ("/a~", "`~0`")]
    {
        let reason = Pointer::parse(pointer).unwrap_err();
        assert!(reason.contains(fault), "{pointer}: {reason}");
    }
}

#[test]
fn pointer_leads_to_the_envelope_or_into_data() {
    for (text, level, name) in [
        ("/type", Level::Envelope, "type"),
        ("/data", Level::Envelope, "data"),
        ("/data/", Level::Data, ""),
        ("/data/a~1b/c", Level::Data, "a/b"),
        ("/account/data", Level::Envelope, "account"),
    ] {
        let pointer = Pointer::parse(text).unwrap();
        assert_eq!((pointer.pick().level, &*pointer.pick().name), (level, name), "{text}");
        assert_eq!(pointer.text(), text);
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
    fn pointer_agrees_with_serde_json(
        fields in prop::collection::btree_map("[ab01/~]{0,2}", json(), 0..3),
        pointer in "(/(a|b|0|1|~0|~1|a~1)?){1,3}",
    ) {
        let data: serde_json::Value = fields.into_iter().collect::<serde_json::Map<_, _>>().into();
        let expected = data.pointer(&pointer).and_then(|value| match value {
            serde_json::Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            serde_json::Value::Number(number) => Some(number.to_string()),
            _ => None,
        });
        prop_assert_eq!(read(&pointer, &data.to_string()), expected);
    }
}
