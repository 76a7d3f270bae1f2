use super::TIMEOUT;
use super::service::Consumer;
use crate::kit::bridge::{Bridge, until};
use crate::kit::consume::{self, Read};
use crate::kit::kafka::Kafka;
use crate::kit::process::Process;
use crate::kit::topic_name;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::process::Command;
use std::time::{Duration, Instant};

const TYPES: [&str; 2] = ["call.completed", "call.missed"];

/// Few keys, so that each repeats. Long ones, so that few lines fill a pipe.
const KEYS: usize = 20;
const KEY_BYTES: usize = 200;

const EVENTS_PER_BAD_ONE: usize = 50;
const EVENTS_PER_DUPLICATE: usize = 5;

pub(super) struct Scenario {
    bridge: Bridge,
    bootstrap: &'static str,
    group: String,
    dead_letters: String,
    posted: Vec<Posted>,
    without_duplicates: bool,
}

struct Posted {
    id: String,
    is_bad: bool,
}

impl Scenario {
    pub(super) fn build() -> Self {
        let bootstrap = Kafka::shared().bootstrap();
        let bridge =
            Bridge::serve(bootstrap, &["deduplication.window=0s", "sources.main.validation=tolerant"]);
        let dead_letters = bridge.topic("example.dead-letter");
        consume::create_topic(bootstrap, &dead_letters, 1);
        let group = topic_name("example");
        Self { bridge, bootstrap, group, dead_letters, posted: Vec::new(), without_duplicates: false }
    }

    /// An `instance` is a static member of the group.
    pub(super) fn command(&self, consumer: &Consumer, instance: Option<&str>) -> Command {
        let mut command = (consumer.make)();
        command
            .env("KAFKA_BOOTSTRAP_SERVERS", self.bootstrap)
            .env("TOPICS", TYPES.map(|name| self.bridge.topic(name)).join(","))
            .env("GROUP", &self.group)
            .env("DEAD_LETTER_TOPIC", &self.dead_letters);
        if let Some(instance) = instance {
            command.env("GROUP_INSTANCE_ID", instance);
        }
        command
    }

    /// A consumer recognizes a duplicate only if it owned the partition at the first delivery, which is uncertain
    /// during a rebalance.
    pub(super) fn set_without_duplicates(&mut self, without: bool) {
        self.without_duplicates = without;
    }

    pub(super) fn post(&mut self, count: usize) {
        for _ in 0..count {
            self.post_one();
        }
    }

    pub(super) fn post_until(&mut self, mut reached: impl FnMut() -> bool) {
        let deadline = Instant::now() + TIMEOUT;
        while !reached() {
            assert!(Instant::now() < deadline, "not within {TIMEOUT:?}");
            self.post_one();
            std::thread::sleep(Duration::from_millis(10));
        }
        self.post(20);
    }

    fn post_one(&mut self) {
        let number = self.posted.len();
        let kind = TYPES[number % TYPES.len()];
        let is_bad =
            kind == "call.completed" && number / TYPES.len() % EVENTS_PER_BAD_ONE == EVENTS_PER_BAD_ONE / 2;
        let key = format!("{:x<KEY_BYTES$}", format!("call-{}-", number / TYPES.len() % KEYS));
        let duration = match number / TYPES.len() / EVENTS_PER_BAD_ONE % 2 {
            0 if is_bad => "\"an hour\"".to_owned(),
            // Deeper than the JSON readers' limit.
            _ if is_bad => ["[", "]"].map(|bracket| bracket.repeat(2000)).concat(),
            _ => number.to_string(),
        };
        let body = format!(
            r#"{{"event":"{kind}","timestamp":"2026-03-12T14:32:00Z","data":{{"call_id":"{key}","duration":{duration},"number":{number}}}}}"#
        );
        let is_twice =
            !self.without_duplicates && (number / TYPES.len()).is_multiple_of(EVENTS_PER_DUPLICATE);
        let copies = if is_twice { 2 } else { 1 };
        let answers: Vec<_> = (0..copies).map(|_| self.bridge.post(body.as_bytes())).collect();
        let id = answers[0].json()["id"].as_str().expect("an id").to_owned();
        for answer in answers {
            assert_eq!(answer.json()["outcome"], "acked", "{}", answer.text());
        }
        self.posted.push(Posted { id, is_bad });
    }

    pub(super) fn post_without_id(&self) {
        let producer: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", self.bootstrap).create().expect("a producer");
        let topic = self.bridge.topic(TYPES[0]);
        let sent = producer.send(BaseRecord::<[u8], str>::to(&topic).payload("of another producer"));
        sent.map_err(|(error, _)| error).expect("room for one record");
        producer.flush(TIMEOUT).expect("a record that is acknowledged");
    }

    pub(super) fn posted(&self) -> usize {
        self.posted.len()
    }

    pub(super) fn ids_since(&self, first: usize) -> BTreeSet<String> {
        let good = self.posted[first..].iter().filter(|event| !event.is_bad);
        good.map(|event| event.id.clone()).collect()
    }

    pub(super) fn wait_until_handled(&self, consumers: &[&Process], ids: &BTreeSet<String>) {
        until("all is done", || {
            let all: BTreeSet<String> =
                consumers.iter().flat_map(|each| Handled::from(&each.stdout()).all()).collect();
            ids.is_subset(&all)
        });
    }

    pub(super) fn wait_for_a_commit(&self) {
        let topic = self.bridge.topic(TYPES[0]);
        until("a commit", || !consume::committed(self.bootstrap, &self.group, &topic).is_empty());
    }

    pub(super) fn every_committed_record_is_handled(&self, handled: &Handled) {
        let aside: HashSet<_> = self.dead_letters().into_iter().map(|(_, letter)| letter.value).collect();
        for (place, record, is_committed) in self.records() {
            let id = record.header("ce_id").unwrap_or_default();
            let is_done = handled.times(id) > 0 || aside.contains(&record.value);
            assert!(is_done || !is_committed, "{place} is committed but was not handled");
        }
    }

    pub(super) fn uncommitted(&self) -> BTreeSet<String> {
        let open = self.records().into_iter().filter(|(_, _, is_committed)| !is_committed);
        let ids = open.filter_map(|(_, record, _)| record.header("ce_id").map(str::to_owned));
        ids.filter(|id| !self.is_bad(id)).collect()
    }

    pub(super) fn is_in_order(&self, handled: &Handled) {
        let numbers: HashMap<&str, usize> =
            self.posted.iter().enumerate().map(|(number, event)| (event.id.as_str(), number)).collect();
        let mut last = HashMap::new();
        for id in &handled.0 {
            let number = numbers[id.as_str()];
            let lane = (number % TYPES.len(), number / TYPES.len() % KEYS);
            let before = last.insert(lane, number);
            assert!(before < Some(number), "{number} was handled after {before:?}");
        }
    }

    pub(super) fn everything_is_committed(&self) {
        let open: Vec<_> = self.records().into_iter().filter(|(_, _, is_committed)| !is_committed).collect();
        assert!(open.is_empty(), "{open:?}");
    }

    /// Counts events after `calm`.
    pub(super) fn bad_events_are_dead_letters(&self, calm: usize) {
        let records: HashMap<_, _> =
            self.records().into_iter().map(|(place, record, _)| (place, record)).collect();
        let mut times: HashMap<&str, usize> = HashMap::new();
        for (place, letter) in &self.dead_letters() {
            let record = &records[place];
            let id = record.header("ce_id").unwrap_or_default();
            *times.entry(id).or_default() += 1;
            assert_eq!((&letter.key, &letter.value), (&record.key, &record.value), "{place}");
            assert!(record.headers.iter().all(|header| letter.headers.contains(header)), "{place}");
            let reason = if id.is_empty() { "no_id" } else { "unreadable" };
            assert_eq!(letter.header("dlq_reason"), Some(reason), "{place}");
            assert_eq!(letter.header("dlq_group"), Some(self.group.as_str()), "{place}");
        }
        let bad = |events: &[Posted]| events.iter().filter(|event| event.is_bad).count();
        assert!(bad(&self.posted[..calm]) > 2 && bad(&self.posted[calm..]) > 0, "bad events on either side");
        for event in self.posted[..calm].iter().filter(|event| event.is_bad) {
            assert!(times.contains_key(event.id.as_str()), "{} is lost", event.id);
        }
        for event in self.posted[calm..].iter().filter(|event| event.is_bad) {
            assert_eq!(times.get(event.id.as_str()), Some(&1), "{}", event.id);
        }
        assert!(times.contains_key(""), "the record of another producer is lost");
        assert!(times.keys().all(|id| id.is_empty() || self.is_bad(id)), "a good event is a dead letter");
    }

    fn is_bad(&self, id: &str) -> bool {
        self.posted.iter().any(|event| event.is_bad && event.id == id)
    }

    fn records(&self) -> Vec<(String, Read, bool)> {
        let of_topic = |name: &str| {
            let topic = self.bridge.topic(name);
            let committed = consume::committed(self.bootstrap, &self.group, &topic);
            let reads = consume::read_committed(self.bootstrap, &topic).into_iter();
            reads.map(move |read| {
                let is_committed = committed.get(&read.partition).is_some_and(|next| read.offset < *next);
                (format!("{topic}/{}/{}", read.partition, read.offset), read, is_committed)
            })
        };
        TYPES.into_iter().flat_map(of_topic).collect()
    }

    fn dead_letters(&self) -> Vec<(String, Read)> {
        let letters = consume::read_committed(self.bootstrap, &self.dead_letters).into_iter();
        letters.map(|letter| (letter.header("dlq_place").expect("a place").to_owned(), letter)).collect()
    }
}

pub(super) struct Handled(Vec<String>);

impl Handled {
    pub(super) fn from(lines: &[String]) -> Self {
        let id = |line: &String| line.split(' ').next().unwrap_or_default().to_owned();
        Self(lines.iter().map(id).collect())
    }

    pub(super) fn times(&self, id: &str) -> usize {
        self.0.iter().filter(|each| *each == id).count()
    }

    pub(super) fn all(&self) -> BTreeSet<String> {
        self.0.iter().cloned().collect()
    }
}
