use super::*;
use crate::record::Headers;
use bytes::Bytes;

fn matches(glob: &str, text: &str) -> bool {
    Glob::parse(glob).unwrap().matches(text)
}

#[test]
fn star_matches_any_characters_and_question_mark_one() {
    for (glob, text) in [
        ("justcall.*", "justcall.call.completed"),
        ("*", ""),
        ("*.completed", "justcall.call.completed"),
        ("a*b*c", "a-b-b-c"),
        ("call_?", "call_é"),
        ("a**", "a"),
        ("exact", "exact"),
    ] {
        assert!(matches(glob, text), "{glob} {text}");
    }
    for (glob, text) in
        [("a*b", "a-c"), ("call_?", "call_"), ("exact", "exactly"), ("?", ""), ("a*b*c", "a-c-b")]
    {
        assert!(!matches(glob, text), "{glob} {text}");
    }
    assert!(Glob::parse("").is_err());
}

#[test]
fn many_stars_match_quickly() {
    assert!(!matches(&"a*".repeat(50), &"a".repeat(200).replace("aaaaaaaaaa", "aaaaaaaaab").repeat(2)[..40]));
}

fn record(event_type: Option<&str>, key: Option<&'static [u8]>) -> TailedRecord {
    let headers =
        event_type.map_or_else(Headers::default, |name| Headers::builder(64).add("ce_type", name).build());
    TailedRecord {
        topic: "t".into(),
        partition: 0,
        offset: 0,
        timestamp: None,
        key: key.map(Bytes::from_static),
        headers,
        value: None,
    }
}

#[test]
fn type_and_key_must_both_match() {
    let filter = Filter {
        types: vec![Pattern::parse("call.*").unwrap(), Pattern::parse("sms.sent").unwrap()],
        keys: vec![Glob::parse("c*").unwrap()],
    };
    assert!(filter.takes(&record(Some("call.missed"), Some(b"c1"))));
    assert!(filter.takes(&record(Some("sms.sent"), Some(b"c1"))));
    for (event_type, key) in [
        (Some("call.missed"), Some(&b"d1"[..])),
        (Some("sms.received"), Some(b"c1")),
        (None, Some(b"c1")),
        (Some("call.missed"), None),
    ] {
        assert!(!filter.takes(&record(event_type, key)), "{event_type:?}");
    }
    assert!(Filter { types: vec![], keys: vec![] }.takes(&record(None, None)));
}
