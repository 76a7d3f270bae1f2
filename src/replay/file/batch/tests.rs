use super::*;
use crate::config::Settings;
use justcall_events::{Dialect, samples};

fn item(bytes: &[u8], source: &ReplaySource) -> Result<Item, Error> {
    item_of(bytes, source, Content::Events)
}

fn item_of(bytes: &[u8], source: &ReplaySource, content: Content) -> Result<Item, Error> {
    let rules = ReplayEvaluator::of(&Settings::default()).unwrap();
    Item::of(InputLine { number: 3, start: 9, bytes: Some(bytes.to_vec()) }, &rules, source, content)
}

fn main() -> ReplaySource {
    ReplaySource::Named("main".into())
}

#[test]
fn event_becomes_records_marked_as_replayed() {
    let (known, body) = samples(Dialect::Documented).next().unwrap();
    let compact = serde_json::from_str::<serde_json::Value>(body).unwrap().to_string();
    let item = item(compact.as_bytes(), &main()).unwrap();
    let [record] = item.records() else { panic!("{item:?}") };
    assert_eq!(*record.topic, *format!("justcall.{known}"));
    assert_eq!(record.value, compact);
    for name in ["ce_id", "ce_type", "justcall-replayed"] {
        assert!(record.headers.get(name).is_some(), "{name}");
    }
}

#[test]
fn exported_record_is_written_unchanged() {
    let line = br#"{"headers":{"ce_id":"7"},"timestamp":5,"topic":"t","value":"{}"}"#;
    let of = |any_topic| {
        item_of(line, &ReplaySource::OneOf("a, b".into()), Content::Records { any_topic }).unwrap()
    };
    assert_eq!(of(true).records()[0].headers.iter().count(), 1);
    assert_eq!(of(false).rejection().unwrap().0, "foreign_topic");
}

#[test]
fn line_that_is_too_long_is_reported_with_its_place() {
    let rules = ReplayEvaluator::of(&Settings::default()).unwrap();
    let line = InputLine { number: 3, start: 9, bytes: None };
    let item = Item::of(line, &rules, &main(), Content::Events).unwrap();
    let (reason, detail) = item.rejection().unwrap();
    assert_eq!((reason, &item.bytes), ("too_long", &None));
    assert!(detail.contains("byte 9") && detail.contains("no file of rejected lines"), "{detail}");
}

#[test]
fn rejected_line_is_counted_by_reason_and_reported_without_its_text() {
    let mut summary = LineCounts::default();
    for (line, reason) in [
        (
            &br#"{"event":"call.missed","timestamp":"2026-03-12T14:30:00Z","data":{"call_id":["qz9"]}}"#[..],
            "contract_violation",
        ),
        (b"qz9", "not_json"),
        (br#"{"topic":"t","headers":{},"value":"qz9"}"#, "not_an_envelope"),
    ] {
        let item = item(line, &main()).unwrap();
        let (found, detail) = item.rejection().unwrap();
        assert_eq!(found, reason);
        assert!(!detail.contains("qz9"), "{detail}");
        item.count(&mut summary);
    }
    assert_eq!((summary.rejected(), summary.replayed, summary.last_line), (3, 0, 3));
}

#[test]
fn probes_and_empty_lines_produce_no_records() {
    let mut summary = LineCounts::default();
    for line in [&b""[..], br#"{"event":"call.missed"}"#] {
        item(line, &main()).unwrap().count(&mut summary);
    }
    assert_eq!((summary.nothing, summary.rejected()), (2, 0));
}

#[test]
fn ambiguous_source_ends_the_run_and_lists_the_sources() {
    let failure = item(b"{}", &ReplaySource::OneOf("main, sales".into())).unwrap_err().to_string();
    assert!(failure.contains("line 3") && failure.contains("main, sales"), "{failure}");
}

#[test]
fn batch_is_full_by_lines_or_by_bytes() {
    let mut batch = Batch::default();
    (0..MAX_BATCH_LINES).for_each(|_| {
        assert!(!batch.is_full());
        batch.add(item(b"", &main()).unwrap());
    });
    assert!(batch.is_full());
    let mut large = Batch::default();
    large.add(item(&vec![b' '; MAX_BATCH_BYTES], &main()).unwrap());
    assert!(large.is_full());
}
