use super::{FieldTable, FieldValue, FieldValues};
use crate::routing::pointer::Pointer;
use crate::routing::table::tests::event;
use justcall_events::{Level, Pick, Picks, scan_with};
use std::borrow::Cow;

fn pointers(texts: &[&str]) -> (FieldTable, Vec<super::FieldRef>) {
    let mut pointers = FieldTable::default();
    let pointed = texts.iter().map(|text| pointers.add(Pointer::parse(text).unwrap())).collect();
    (pointers, pointed)
}

#[test]
fn fields_and_picks_are_unique() {
    let (pointers, pointed) = pointers(&["/data/a/b", "/data/a/c", "/data/a/b", "/type"]);
    assert_eq!(pointed[0], pointed[2]);
    assert_ne!(pointed[0], pointed[1]);
    let pick = |level, name: &str| Pick { level, name: name.into() };
    assert_eq!(pointers.picks(), [pick(Level::Data, "a"), pick(Level::Envelope, "type")]);
}

#[test]
fn named_fields_are_picked_only_if_a_route_reads_them() {
    let mut pointers = FieldTable::default();
    pointers.read("/data/agent_id").unwrap();
    assert_eq!(pointers.picks().len(), 1);
    let direction = pointers.read("direction").unwrap();
    let from = pointers.read("from").unwrap();
    assert_eq!(pointers.read("direction").unwrap(), direction);
    assert_ne!(from, direction);
    let names: Vec<_> = pointers.picks().iter().map(|pick| &*pick.name).collect();
    assert_eq!(names, ["agent_id", "direction", "call_info", "from", "contact_number", "justcall_number"]);
    assert_eq!(pointers.lookups.len(), 3, "`from` shares the lookup of the direction");
}

#[test]
fn values_are_read_as_text() {
    let texts = ["/text", "/escaped", "/empty", "/number", "/yes", "/none", "/list", "/half", "/missing"];
    let (pointers, pointed) = pointers(&texts);
    let body = br#"{"event":"x.y","text":"plain","escaped":"caf\u00e9","empty":"","number":1.50,"yes":true,
        "none":null,"list":[1],"half":"\ud800"}"#;
    let mut picks = Picks::of(pointers.picks());
    scan_with(body, &mut picks).unwrap();
    let event = event("x.y");
    let values = FieldValues::new(&pointers, &picks, &event);
    let text = |text: &'static str| FieldValue::Text(Cow::Borrowed(text));
    let expected = [
        text("plain"),
        text("café"),
        text(""),
        text("1.50"),
        text("true"),
        FieldValue::Absent,
        FieldValue::Other,
        FieldValue::Other,
        FieldValue::Absent,
    ];
    for (pointed, expected) in pointed.iter().zip(expected) {
        assert_eq!(*values.get(pointed), expected, "{}", pointed.text());
    }
    assert!(matches!(values.get(&pointed[0]), FieldValue::Text(Cow::Borrowed(_))), "borrowed from the body");
    assert_eq!(values.get(&pointed[2]).text(), None, "empty text counts as absent");
}
