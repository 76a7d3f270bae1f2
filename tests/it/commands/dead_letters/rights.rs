use super::many_letters::{ManyLetters, REPLAY};
use crate::kit::bridge::until;
use crate::kit::command::Place;
use crate::kit::kafka::Kafka;
use crate::kit::secured::PLAIN;

#[test]
fn each_command_needs_its_rights_but_no_group() {
    let guarded = Kafka::start_guarded();
    let many_letters = ManyLetters::on(guarded.kafka.bootstrap(), 50);
    let place = Place::new(&guarded.sasl, &many_letters.prefix)
        .with("kafka.properties.security.protocol=sasl_plaintext")
        .with(&format!("kafka.properties.sasl.mechanism={}", PLAIN.mechanism))
        .with(&format!("kafka.properties.sasl.username={}", PLAIN.name))
        .with(&format!("kafka.properties.sasl.password={}", PLAIN.password))
        .with("topics.create_missing=false");
    let topics = format!("{}*", many_letters.prefix);
    let tail = || place.run(&["tail", "--json", "--from", "beginning", "--until-end"]);

    assert!(tail().expect_code(0).stderr.join("\n").contains("reading 0 topics"));
    let blind = place.run(&["dead-letters", "list"]).expect_code(0);
    assert!(blind.stderr.join("\n").contains("lacks the right Describe"), "{blind:?}");

    guarded.grant(&PLAIN, &[("DESCRIBE", "topic", &topics)]);
    until("a refusal to read", || tail().stderr.join("\n").contains("needs Read"));
    guarded.grant(&PLAIN, &[("READ", "topic", &topics)]);
    until("a right to read", || tail().stdout.len() == 50);
    let read = tail().expect_code(0);
    assert!(!read.stderr.join("\n").to_lowercase().contains("group"), "the rights name a group: {read:?}");

    let forbidden = place.run(&REPLAY).expect_code(1);
    assert!(forbidden.stderr.join("\n").contains("transactional id"), "{forbidden:?}");
    let transactions = ("WRITE", "transactional_id", "justcall-bridge-dead-letters-*");
    guarded.grant(&PLAIN, &[("READ", "topic", &topics), transactions]);
    until("a refusal to write", || place.run(&REPLAY).stderr.join("\n").contains("TopicAuthorizationFailed"));
    guarded.grant(&PLAIN, &[("READ", "topic", &topics), ("WRITE", "topic", &topics), transactions]);
    until("a right to write", || place.run(&REPLAY).code == Some(0));
    many_letters.assert_each_once();
}
