mod golden;
mod many_letters;
mod rights;
mod rules;

use crate::kit::bridge::Bridge;
use crate::kit::command::Place;
use crate::kit::consume::{self, Read};
use crate::kit::kafka::Kafka;

fn strict_bridge() -> Bridge {
    let settings = ["sources.main.validation=strict", "unknown_events=dead_letter"];
    Bridge::serve(Kafka::shared().bootstrap(), &settings)
}

fn place(bridge: &Bridge) -> Place {
    Place::new(Kafka::shared().bootstrap(), &bridge.prefix)
}

fn call(id: &str) -> Vec<u8> {
    format!(
        r#"{{"event":"call.completed","timestamp":"2026-03-12T14:30:00Z","data":{{"call_id":"{id}","from":"+14155550123"}}}}"#
    )
    .into_bytes()
}

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

fn letters_and_marks(bridge: &Bridge) -> (Vec<Read>, Vec<Read>) {
    let all = committed(&bridge.topic("dead-letter"));
    all.into_iter().partition(|read| read.header("dlq_reason").is_some())
}
