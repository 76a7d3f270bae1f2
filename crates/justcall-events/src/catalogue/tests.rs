use super::*;
use crate::{BodyHash, Dialect, Event, Scanned, Validation, scan};
use std::fs;
use std::path::{Path, PathBuf};

const ALL_MODES: [Validation; 3] = [Validation::Documented, Validation::Tolerant, Validation::Strict];

fn event(body: &'static str, validation: Validation) -> Event<'static> {
    let Ok(Scanned::Envelope(envelope)) = scan(body.as_bytes()) else { panic!("no envelope: {body}") };
    envelope.validate(validation, &BodyHash::of(body.as_bytes())).unwrap()
}

fn entity_ids(dialect: Dialect) -> Vec<(&'static str, String)> {
    let id = |body| event(body, Validation::Documented).entity_id.unwrap().into_owned();
    samples(dialect).map(|(known, body)| (known.name(), id(body))).collect()
}

#[test]
fn exactly_the_listed_types_have_a_sample() {
    for dialect in [Dialect::Documented, Dialect::Live] {
        let mut listed: Vec<_> = KnownType::ALL.iter().filter(|known| known.is_listed_in(dialect)).collect();
        listed.sort();
        let sampled: Vec<_> = samples(dialect).map(|(known, _)| known).collect();
        assert_eq!(sampled.iter().collect::<Vec<_>>(), listed, "{dialect}");
    }
}

#[test]
fn every_sample_is_valid_in_every_mode() {
    for dialect in [Dialect::Documented, Dialect::Live] {
        for ((known, body), validation) in
            samples(dialect).flat_map(|sample| ALL_MODES.map(|mode| (sample, mode)))
        {
            let event = event(body, validation);
            assert_eq!((event.dialect, event.event_type.known()), (dialect, Some(known)));
            assert_eq!(event.violations, 0, "{known}");
            assert!(event.time.is_some(), "{known}");
            let id_len = if dialect == Dialect::Live { 26 } else { 32 };
            assert_eq!(event.id.as_str().len(), id_len, "{known}");
        }
    }
}

#[test]
fn documented_samples_have_their_entity_id() {
    let expected = [
        ("call.completed", "call_5e21c7d9"),
        ("call.missed", "call_90ab34ef"),
        ("call.answered", "call_5e21c7d9"),
        ("sms.received", "msg_3c9d0e1f"),
        ("sms.sent", "msg_7f60b2a4"),
        ("sms.delivered", "msg_7f60b2a4"),
        ("voicemail.received", "call_90ab34ef"),
        ("contact.created", "40321"),
        ("contact.updated", "40321"),
    ];
    assert_eq!(entity_ids(Dialect::Documented), expected.map(|(name, id)| (name, id.to_owned())));
}

#[test]
fn live_samples_have_their_entity_id() {
    const CALL: &str = "CA5e21c7d90b44f1a8c3e76d2091fa8b35";
    const MISSED: &str = "CA90ab34ef7712c05d8e4a61b3f2c9d740";
    const QUEUED: &str = "CAd04412fa9be3476cb1573e08c6af2d11";
    const DIALED: &str = "CAe8830f6d2c5b4a17a9f04c1b73d86e52";
    let expected = [
        ("call.completed", CALL),
        ("call.missed", MISSED),
        ("call.answered", CALL),
        ("sms.received", "30711402"),
        ("sms.sent", "30711409"),
        ("call.incoming", CALL),
        ("call.initiated", "CA1b7c03de55a94e20b8d6f1077a3ec912"),
        ("call.voicemail", MISSED),
        ("call.enters_queue", QUEUED),
        ("call.exits_queue", QUEUED),
        ("call.updated", CALL),
        ("call.ai_voice_agent", "CA77e1d0c3ab524f969e0b8ad41c2f6035"),
        ("jc.call_ai_generated", CALL),
        ("sms.sent_received", "30711409"),
        ("sms.status_updated", "30711409"),
        ("whatsapp.message_sent", "9914077"),
        ("whatsapp.message_received", "9914081"),
        ("whatsapp.message_status_updated", "9914077"),
        ("jc.contact_status_updated", "40321"),
        ("appointment.scheduled", "771045"),
        ("sd.call_completed", DIALED),
        ("sd.call_updated", DIALED),
        ("sd.call_ai_generated", DIALED),
    ];
    assert_eq!(entity_ids(Dialect::Live), expected.map(|(name, id)| (name, id.to_owned())));
}

fn files(folder: &str) -> Vec<PathBuf> {
    let mut todo = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut files = Vec::new();
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            files.push(path);
        }
    }
    files
}

#[test]
fn event_type_is_named_by_one_file_of_code_and_its_samples() {
    let is_code = |path: &PathBuf| {
        path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("tests.rs")
            && !path.components().any(|part| part.as_os_str() == "tests")
    };
    let code: Vec<_> = files("src").into_iter().filter(is_code).collect();
    assert!(code.len() > 10, "{code:?}");
    let lines = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let text = text.split("\n#[cfg(test)]\nmod tests {\n").next().unwrap();
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    };
    let code: Vec<_> = code.iter().map(|path| (path, lines(path))).collect();
    for known in KnownType::ALL {
        let variant = format!("{known:?}");
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let names = |text: &str| {
            text.contains(&format!("\"{known}\"")) || text.split(|c| !is_word(c)).any(|word| word == variant)
        };
        let named: Vec<_> = code.iter().filter(|(_, text)| names(text)).map(|(path, _)| path).collect();
        assert!(matches!(named[..], [path] if path.ends_with("src/catalogue.rs")), "{known}: {named:?}");
        let sample = format!("{known}.json");
        let count = files("src/samples").iter().filter(|path| path.ends_with(&sample)).count();
        let listed = Dialect::ALL.into_iter().filter(|dialect| known.is_listed_in(*dialect)).count();
        assert_eq!(count, listed, "{sample}");
    }
    let listed = Dialect::ALL.into_iter().flat_map(samples).count();
    assert_eq!(files("src/samples").len(), listed, "a sample of no type");
}
