use crate::kit::bridge::{Bridge, PATH};
use crate::kit::kafka::Kafka;
use crate::kit::{consume, http, topic_name};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const TAKEN: &str = "config_reloads_total{result=\"success\"}";
const REFUSED: &str = "config_reloads_total{result=\"failure\"}";

fn body(id: usize) -> Vec<u8> {
    format!(
        r#"{{"event":"call.missed","timestamp":"2026-03-12T14:32:00Z","data":{{"call_id":"c{id}","direction":"inbound"}}}}"#
    )
    .into_bytes()
}

fn count(topic: &str) -> usize {
    consume::topic_partitions(Kafka::shared().bootstrap(), topic)
        .map_or(0, |_| consume::topic_end(Kafka::shared().bootstrap(), topic))
}

#[test]
fn body_rejected_under_earlier_rules_is_evaluated_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bridge.yaml");
    let prefix = format!("{}.", topic_name("rejudged"));
    let (prefix_setting, letters) =
        (format!("topics.prefix={prefix}"), format!("dead_letter.topic={prefix}letters"));
    fs::write(&file, "unknown_events: dead_letter\n").expect("the settings");
    let bridge = Bridge::serve_file(Kafka::shared().bootstrap(), &file, &[&prefix_setting, &letters]);
    let unknown = String::from_utf8(body(1)).expect("text").replace("call.missed", "call.imagined");
    let post = || bridge.post(unknown.as_bytes());
    assert_eq!(post().json()["outcome"], "dead_lettered");
    assert_eq!(post().json()["outcome"], "duplicate");
    fs::write(&file, "unknown_events: forward\n").expect("the settings");
    bridge.wait_for_metric(TAKEN, 1);
    assert_eq!(post().json()["outcome"], "acked");
    assert_eq!(post().json()["outcome"], "duplicate");
    fs::write(&file, "unknown_events: dead_letter\n").expect("the settings");
    bridge.wait_for_metric(TAKEN, 2);
    assert_eq!(post().json()["outcome"], "duplicate");
    assert_eq!((count(&bridge.topic("letters")), count(&bridge.topic("unknown"))), (1, 1));
}

#[test]
fn new_routes_apply_and_settings_that_cannot_apply_are_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bridge.yaml");
    let prefix = format!("{}.", topic_name("reload"));
    let to = |topic: &str| format!("routes: [{{ match: call.*, topics: {prefix}{topic} }}]\n");
    fs::write(&file, to("first")).expect("the settings");
    let prefix_setting = format!("topics.prefix={prefix}");
    let bridge = Bridge::serve_file(Kafka::shared().bootstrap(), &file, &[&prefix_setting]);
    let post = |id| assert_eq!(bridge.post(&body(id)).json()["outcome"], "acked");
    post(1);

    fs::write(&file, to("second")).expect("the settings");
    bridge.wait_for_metric(TAKEN, 1);
    post(2);
    assert_eq!((count(&bridge.topic("first")), count(&bridge.topic("second"))), (1, 1));
    let log = bridge.process.stderr().join("\n");
    assert!(log.contains(&format!("- routes[0]: match [call.*], topics [{prefix}first]")), "{log}");
    assert!(log.contains(&format!("+ routes[0]: match [call.*], topics [{prefix}second]")), "{log}");

    let contradiction = format!("{}  # and more\nunknown_events: maybe\n", to("never").trim_end());
    fs::write(&file, contradiction).expect("the settings");
    bridge.wait_for_metric(REFUSED, 1);
    bridge.wait_for_metric("watched_files_invalid", 1);
    let log = bridge.process.stderr().join("\n");
    assert!(log.contains("bridge.yaml:2") && log.contains("must be one of `forward`"), "{log}");
    fs::remove_file(&file).expect("the settings");
    bridge.wait_for_metric(REFUSED, 2);
    post(3);
    assert_eq!((count(&bridge.topic("second")), count(&bridge.topic("never"))), (2, 0));

    let waiting = "server: { max_body_bytes: 900 KiB }\n";
    fs::write(&file, to("third") + waiting).expect("the settings");
    bridge.wait_for_metric(TAKEN, 2);
    bridge.wait_for_metric("config_pending_restart", 1);
    bridge.wait_for_metric("watched_files_invalid", 0);
    let log = bridge.process.stderr().join("\n");
    assert!(log.contains("\"settings\":\"server.max_body_bytes\""), "{log}");
    post(4);
    assert_eq!(count(&bridge.topic("third")), 1);
    let large = String::from_utf8(body(5)).expect("text").replace("inbound", &"x".repeat(950 << 10));
    assert_eq!(bridge.post(large.as_bytes()).status, 200);

    bridge.process.signal("HUP");
    bridge.wait_for_metric(TAKEN, 3);
    assert_eq!(bridge.metric("config_pending_restart"), 1);
    assert!(bridge.stop().success());
}

#[test]
fn settings_mounted_by_a_link_swap_are_reloaded() {
    let folder = tempfile::tempdir().expect("a folder");
    let prefix = format!("{}.", topic_name("mounted"));
    let mount = |name: &str, topic: &str| {
        let at = folder.path().join(name);
        fs::create_dir(&at).expect("a folder");
        let routes = format!("routes: [{{ match: call.*, topics: {prefix}{topic} }}]\n");
        fs::write(at.join("bridge.yaml"), routes).expect("the settings");
        let (link, data) = (folder.path().join("..new"), folder.path().join("..data"));
        symlink(name, &link).expect("a link");
        fs::rename(link, data).expect("the swap");
    };
    mount("..1", "old");
    symlink("..data/bridge.yaml", folder.path().join("bridge.yaml")).expect("a link");
    let prefix_setting = format!("topics.prefix={prefix}");
    let file = folder.path().join("bridge.yaml");
    let bridge = Bridge::serve_file(Kafka::shared().bootstrap(), &file, &[&prefix_setting]);
    mount("..2", "new");
    bridge.wait_for_metric(TAKEN, 1);
    assert_eq!(bridge.post(&body(1)).json()["outcome"], "acked");
    assert_eq!(count(&bridge.topic("new")), 1);
}

const RELOADS: u64 = 10;

/// Each generation has topics of its own, so that a mixture is visible.
fn generation(file: &Path, prefix: &str, number: u64) {
    let (name, topics) = if number.is_multiple_of(2) { ("even", 3) } else { ("odd", 2) };
    let routes: Vec<_> = (0..topics)
        .map(|at| {
            let more = if at + 1 < topics { ", continue: true" } else { "" };
            format!(
                "  - {{ match: \"*\", when: {{ /data/direction: inbound }}, topics: {prefix}{name}.{at}, headers: {{ generation: {name} }}{more} }}\n"
            )
        })
        .collect();
    let text = format!("# {number}\nroutes:\n{}", routes.concat());
    // By a rename, so that no reader sees a partial file.
    let new = file.with_extension("new");
    fs::write(&new, text).expect("the settings");
    fs::rename(new, file).expect("the swap");
}

#[test]
fn reload_under_load_loses_no_event_and_routes_each_by_one_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bridge.yaml");
    let prefix = format!("{}.", topic_name("generations"));
    generation(&file, &prefix, 0);
    let prefix_setting = format!("topics.prefix={prefix}");
    let bridge = Bridge::serve_file(Kafka::shared().bootstrap(), &file, &[&prefix_setting]);
    let over = AtomicBool::new(false);
    let acked: usize = std::thread::scope(|scope| {
        let sender = |sender: usize| {
            let (over, ingress) = (&over, bridge.ingress);
            scope.spawn(move || {
                let mut sent = 0;
                while !over.load(Ordering::Relaxed) {
                    let event = body(sender * 1_000_000 + sent);
                    let answer =
                        http::post(ingress, PATH, &[("connection", "close")], &event).expect("an answer");
                    assert_eq!((answer.status, &answer.json()["outcome"]), (200, &"acked".into()));
                    sent += 1;
                    std::thread::sleep(Duration::from_millis(2));
                }
                sent
            })
        };
        let senders: Vec<_> = (0..4).map(sender).collect();
        for number in 1..=RELOADS {
            generation(&file, &prefix, number);
            if number.is_multiple_of(3) {
                bridge.process.signal("HUP");
            }
            crate::kit::bridge::until("a reload", || bridge.metric(TAKEN) >= number);
        }
        over.store(true, Ordering::Relaxed);
        senders.into_iter().map(|sender| sender.join().expect("a sender")).sum()
    });
    // Topics, and generations in headers.
    let mut events: BTreeMap<Vec<u8>, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
    let names = ["even.0", "even.1", "even.2", "odd.0", "odd.1"];
    for name in names {
        let topic = bridge.topic(name);
        let records =
            consume::read_topic(Kafka::shared().bootstrap(), &topic, count(&topic), Duration::from_secs(60));
        for record in records {
            let generation = record.header("generation").expect("the route's header").to_owned();
            let (topics, generations) = events.entry(record.value).or_default();
            assert!(topics.insert(name.to_owned()), "once in each topic");
            generations.insert(generation);
        }
    }
    assert_eq!(events.len(), acked, "an answered event is in no topic");
    let mut seen = BTreeSet::new();
    for (topics, generations) in events.values() {
        let generation = generations.first().expect("one");
        assert_eq!(generations.len(), 1, "two tables: {topics:?}");
        let whole: BTreeSet<_> = names
            .iter()
            .filter(|name| name.starts_with(generation.as_str()))
            .map(ToString::to_string)
            .collect();
        assert_eq!(*topics, whole, "an event was routed by two tables");
        seen.insert(generation.clone());
    }
    assert_eq!(seen.len(), 2, "one generation has no events");
}
