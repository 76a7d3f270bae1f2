//! Many letters, and replays that are killed or run at once.

use super::committed;
use crate::kit::command::{Place, finish};
use crate::kit::consume::{self, create_topic};
use crate::kit::kafka::Kafka;
use crate::kit::topic_name;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::collections::HashMap;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(120);

struct Crowd {
    place: Place,
    prefix: String,
    letters: usize,
}

impl Crowd {
    /// Fills a dead-letter topic as a bridge would; every letter passes now.
    fn new(letters: usize) -> Self {
        let bootstrap = Kafka::shared().bootstrap();
        let prefix = format!("{}.", topic_name("crowd"));
        let topic = format!("{prefix}dead-letter");
        create_topic(bootstrap, &topic, 3);
        create_topic(bootstrap, &format!("{prefix}call.completed"), 3);
        let producer: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", bootstrap).create().expect("a producer");
        for number in 0..letters {
            let body = format!(
                r#"{{"event":"call.completed","timestamp":"2026-03-12T14:30:00Z","data":{{"call_id":"call_{number}"}}}}"#
            );
            let header = |key, value| Header { key, value: Some(value) };
            let headers = OwnedHeaders::new()
                .insert(header("dlq_reason", "contract_violation"))
                .insert(header("dlq_source", "main"))
                .insert(header("dlq_received_at", "2026-03-12T14:30:01.000Z"));
            let record = BaseRecord::<(), _>::to(&topic).payload(&body).headers(headers);
            producer.send(record).map_err(|(error, _)| error).expect("room in the queue");
        }
        producer.flush(PATIENCE).expect("acknowledged");
        Self { place: Place::new(bootstrap, &prefix), prefix, letters }
    }

    fn target(&self) -> String {
        format!("{}call.completed", self.prefix)
    }

    /// Panics unless every letter became one record, as those see it who read what is committed.
    fn assert_each_once(&self) {
        let mut seen: HashMap<String, usize> = HashMap::new();
        for record in committed(&self.target()) {
            *seen.entry(record.header("ce_subject").expect("a subject").to_owned()).or_default() += 1;
        }
        let twice: Vec<_> = seen.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "written twice: {twice:?}");
        assert_eq!(seen.len(), self.letters, "letters were lost");
        let list = self.place.run(&["dead-letters", "list", "--json"]).ended(0).json();
        assert_eq!((&list["waiting"], &list["replayed"]), (&0.into(), &self.letters.into()));
    }
}

const REPLAY: [&str; 5] = ["dead-letters", "replay", "--all", "--yes", "--json"];

#[test]
fn killed_replays_go_on_and_nothing_is_twice_or_lost() {
    let crowd = Crowd::new(4000);
    let bootstrap = Kafka::shared().bootstrap();
    let mut killed_midway = 0;
    for _ in 0..6 {
        let before = consume::topic_end(bootstrap, &crowd.target());
        let mut process = crowd.place.start(&REPLAY);
        let deadline = Instant::now() + PATIENCE;
        while consume::topic_end(bootstrap, &crowd.target()) < before + 200 {
            assert!(Instant::now() < deadline, "nothing is replayed");
        }
        process.signal("KILL");
        killed_midway += usize::from(process.wait_exit(PATIENCE).code().is_none());
    }
    assert!(killed_midway >= 3, "the kills came too late to show anything: {killed_midway}");
    let last = crowd.place.run(&REPLAY).ended(0).json();
    assert_eq!(last["stay"], serde_json::json!([]));
    crowd.assert_each_once();
}

#[test]
fn two_replays_at_once_write_nothing_twice() {
    let crowd = Crowd::new(3000);
    let first = crowd.place.start(&REPLAY);
    let second = crowd.place.start(&REPLAY);
    let ended = [finish(first), finish(second)];
    let replayed: u64 = ended.iter().map(|ran| ran.json()["replayed"].as_u64().expect("a count")).sum();
    assert!(ended.iter().any(|ran| ran.code == Some(0)), "{ended:?}");
    let fenced = ended.iter().filter(|ran| ran.stderr.join("").contains("has taken over")).count();
    assert_eq!(ended.iter().filter(|ran| ran.code != Some(0)).count(), fenced, "{ended:?}");
    crowd.assert_each_once();
    // What was committed in the very moment of the fence was perhaps not told.
    assert!(replayed <= 3000, "{replayed}");
}

#[test]
fn interrupted_replay_ends_in_order_and_goes_on() {
    let crowd = Crowd::new(3000);
    let bootstrap = Kafka::shared().bootstrap();
    let process = crowd.place.start(&REPLAY);
    let deadline = Instant::now() + PATIENCE;
    while consume::topic_end(bootstrap, &crowd.target()) < 100 {
        assert!(Instant::now() < deadline, "nothing is replayed");
    }
    process.signal("INT");
    let ran = finish(process);
    let first = ran.json()["replayed"].as_u64().expect("a count");
    assert_eq!(first as usize, committed(&crowd.target()).len(), "told is what is written");
    let rest = crowd.place.run(&REPLAY).ended(0).json();
    assert_eq!(first + rest["replayed"].as_u64().expect("a count"), 3000);
    crowd.assert_each_once();
}
