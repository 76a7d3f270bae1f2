//! What was rejected, and its way back into the topics: each letter once, whatever happens meanwhile.

mod crowd;
mod golden;
mod rights;
mod rules;

use crate::kit::bridge::Bridge;
use crate::kit::command::Place;
use crate::kit::consume::{self, Read};
use crate::kit::kafka::Kafka;

/// A bridge that rejects much: every event against the reference, and every unknown type.
fn strict_bridge() -> Bridge {
    let settings = ["sources.main.validation=strict", "unknown_events=dead_letter"];
    Bridge::serve(Kafka::shared().bootstrap(), &settings)
}

/// Where commands find a bridge's topics, with rules that reject less.
fn place(bridge: &Bridge) -> Place {
    Place::new(Kafka::shared().bootstrap(), &bridge.prefix)
}

/// A call of which strict rules miss most.
fn call(id: &str) -> Vec<u8> {
    format!(
        r#"{{"event":"call.completed","timestamp":"2026-03-12T14:30:00Z","data":{{"call_id":"{id}","from":"+14155550123"}}}}"#
    )
    .into_bytes()
}

/// An event of a type that nobody knows.
fn unknown(id: &str) -> Vec<u8> {
    format!(r#"{{"event":"fax.sent","timestamp":"2026-03-12T14:30:00Z","data":{{"id":"{id}"}}}}"#)
        .into_bytes()
}

fn post(bridge: &Bridge, body: &[u8], status: u16) {
    let answer = bridge.post(body);
    assert_eq!(answer.status, status, "{}", answer.text());
}

fn committed(topic: &str) -> Vec<Read> {
    consume::read_committed(Kafka::shared().bootstrap(), topic)
}

/// What the dead-letter topic holds: letters and marks.
fn letters_and_marks(bridge: &Bridge) -> (Vec<Read>, Vec<Read>) {
    let all = committed(&bridge.topic("dead-letter"));
    all.into_iter().partition(|read| read.header("dlq_reason").is_some())
}
