mod masked;

use crate::kit::bridge::{Bridge, until};
use crate::kit::command::{Place, finish, normal};
use crate::kit::consume;
use crate::kit::golden;
use crate::kit::http;
use crate::kit::kafka::Kafka;
use crate::kit::process::bridge_command;
use crate::kit::topic_name;
use justcall_events::{Dialect, samples};
use serde_json::Value;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(60);

fn serve(settings: &[&str]) -> (Bridge, Place) {
    let bridge = Bridge::serve(Kafka::shared().bootstrap(), settings);
    let place = place_of(&bridge);
    (bridge, place)
}

fn place_of(bridge: &Bridge) -> Place {
    Place::new(Kafka::shared().bootstrap(), &bridge.prefix)
}

fn missed(id: &str) -> String {
    format!(r#"{{"event":"call.missed","timestamp":"2026-03-12T14:30:00Z","data":{{"call_id":"{id}"}}}}"#)
}

fn post_samples(bridge: &Bridge) {
    for (known, body) in samples(Dialect::Documented) {
        assert_eq!(bridge.post(body.as_bytes()).status, 200, "{known}");
    }
}

fn types(place: &Place, args: &[&str]) -> Vec<String> {
    let args = [&["tail", "--json", "--from", "beginning", "--until-end"], args].concat();
    let ran = place.run(&args).expect_code(0);
    let of = |line: &String| {
        let line: Value = serde_json::from_str(line).expect("a line of JSON");
        line["headers"]["ce_type"].as_str().unwrap_or("none").to_owned()
    };
    let mut types: Vec<String> = ran.stdout.iter().map(of).collect();
    types.sort();
    let summary = ran.stderr.last().expect("a count");
    assert!(summary.starts_with(&format!("{} record", types.len())), "{summary}");
    types
}

#[test]
fn topics_types_and_keys_filter_the_records() {
    let prefix = format!("{}.", topic_name("tail"));
    let (prefixed, route) = (
        format!("topics.prefix={prefix}"),
        format!("routes=[{{match: voicemail.received, topics: {prefix}former}}]"),
    );
    let (bridge, place) = serve(&[&prefixed, &route]);
    post_samples(&bridge);
    assert_eq!(bridge.post(b"no JSON").status, 400);
    assert_eq!(types(&place, &[]).len(), 10, "nine events and a dead letter");
    let calls = ["call.answered", "call.completed", "call.missed"];
    assert_eq!(types(&place, &["--type", "call.*"]), calls);
    assert_eq!(types(&place, &["--type", "sms.sent", "--type", "call.missed"]), ["call.missed", "sms.sent"]);
    let glob = format!("{}*.created", bridge.prefix);
    assert_eq!(types(&place, &["--topic", &glob]), ["contact.created"]);
    let dead = bridge.topic("dead-letter");
    assert_eq!(types(&place, &["--topic", &dead]), ["none"]);
    assert_eq!(types(&place, &["--topic", &dead, "--topic", &glob]), ["contact.created", "none"]);
    let (_, completed) = samples(Dialect::Documented).next().expect("a sample");
    let id = serde_json::from_str::<Value>(completed).expect("JSON")["data"]["call_id"].clone();
    let of_one_call = types(&place, &["--key", id.as_str().expect("an id")]);
    assert_eq!(of_one_call, ["call.answered", "call.completed"]);
    assert_eq!(types(&place, &["--limit", "4"]).len(), 4);
    assert_eq!(types(&place, &["--topic", "no-such-topic"]), [""; 0]);
    place.run(&["tail", "--type", "call*"]).expect_code(2);
    place.run(&["tail", "--from", "yesterday"]).expect_code(2);
    assert!(bridge.stop().success());
}

#[test]
fn reading_begins_at_the_requested_time() {
    let (bridge, place) = serve(&[]);
    assert_eq!(bridge.post(missed("call_1").as_bytes()).status, 200);
    std::thread::sleep(Duration::from_millis(1100));
    let between = chrono::Utc::now().to_rfc3339();
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(bridge.post(missed("call_2").as_bytes()).status, 200);
    let shown = |from: &str| {
        let ran = place.run(&["tail", "--json", "--until-end", "--from", from]).expect_code(0);
        ran.stdout.len()
    };
    assert_eq!([shown(&between), shown("15m"), shown("now")], [1, 2, 0]);
    assert!(bridge.stop().success());
}

#[test]
fn tail_follows_new_records_and_new_topics() {
    let (bridge, place) = serve(&[]);
    assert_eq!(bridge.post(missed("call_before").as_bytes()).status, 200);
    let tail = place.start(&["tail"]);
    tail.wait_for_line("reading 1 topics", TIMEOUT);
    let (_, sms) =
        samples(Dialect::Documented).find(|(known, _)| known.name() == "sms.sent").expect("a sample");
    assert_eq!(bridge.post(missed("call_after").as_bytes()).status, 200);
    assert_eq!(bridge.post(sms.as_bytes()).status, 200);
    tail.wait_for_line("call_after", TIMEOUT);
    tail.wait_for_line(&bridge.topic("sms.sent"), TIMEOUT);
    tail.signal("INT");
    let ran = finish(tail).expect_code(0);
    assert_eq!(ran.stderr.last().map(String::as_str), Some("2 records"), "{ran:?}");
    assert!(!ran.text().contains("call_before"), "{ran:?}");
    let groups = consume::groups(Kafka::shared().bootstrap());
    assert!(!groups.iter().any(|group| group.contains("tail")), "a consumer group remains: {groups:?}");
    assert!(bridge.stop().success());
}

#[test]
fn tail_waits_for_the_end_of_an_outage() {
    let kafka = Kafka::start(crate::kit::kafka::Options::default());
    let bridge = Bridge::serve(kafka.bootstrap(), &[]);
    let place = Place::new(kafka.bootstrap(), &bridge.prefix);
    let call = |id: &str| {
        http::post(bridge.ingress, crate::kit::bridge::PATH, &[], missed(id).as_bytes())
            .expect("an answer")
            .status
    };
    assert_eq!(call("call_1"), 200);
    let tail = place.start(&["tail", "--from", "beginning"]);
    tail.wait_for_line("key call_1", TIMEOUT);
    kafka.restart();
    until("an event after the outage", || call("call_2") == 200);
    tail.wait_for_line("key call_2", TIMEOUT);
    tail.signal("TERM");
    finish(tail).expect_code(0);
}

#[test]
fn first_signal_ends_a_tail_whose_reader_has_stalled() {
    let (bridge, place) = serve(&[]);
    let long = "x".repeat(50_000);
    for number in 0..4 {
        let body = missed(&format!("call_{number}"));
        let body = body.replace("\"data\":{", &format!("\"data\":{{\"notes\":\"{long}\","));
        assert_eq!(bridge.post(body.as_bytes()).status, 200);
    }
    for signal in ["TERM", "INT"] {
        let mut tail = bridge_command();
        tail.args(["tail", "--from", "beginning", "--json", "--show-personal-data"]);
        tail.args(["--set", &format!("kafka.bootstrap_servers={}", Kafka::shared().bootstrap())]);
        tail.args(["--set", &format!("topics.prefix={}", bridge.prefix)]);
        tail.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut tail = tail.spawn().expect("it starts");
        let mut stdout = tail.stdout.take().expect("a pipe");
        // The buffer of 64 KiB is full soon.
        stdout.read_exact(&mut [0]).expect("output");
        std::thread::sleep(Duration::from_secs(2));
        let kill = Command::new("sh").args(["-c", &format!("kill -{signal} {}", tail.id())]).status();
        assert!(kill.expect("sh").success());
        let deadline = Instant::now() + TIMEOUT;
        let status = loop {
            if let Some(status) = tail.try_wait().expect("a state") {
                break status;
            }
            if Instant::now() > deadline {
                tail.kill().expect("killed");
                panic!("{signal} did not end it");
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(status.code(), Some(0), "{signal}");
        let mut rest = Vec::new();
        stdout.read_to_end(&mut rest).expect("output");
        assert!((60_000..150_000).contains(&rest.len()), "it had not stalled: {} bytes", rest.len());
    }
    drop(place);
    assert!(bridge.stop().success());
}

#[test]
fn closed_stdout_is_not_an_error() {
    let (bridge, place) = serve(&[]);
    post_samples(&bridge);
    let binary = env!("CARGO_BIN_EXE_justcall-bridge");
    let bootstrap = Kafka::shared().bootstrap();
    let command = format!(
        "'{binary}' tail --from beginning --until-end --set kafka.bootstrap_servers={bootstrap} --set topics.prefix={} | head -1; exit ${{PIPESTATUS[0]}}",
        bridge.prefix
    );
    let status = std::process::Command::new("bash").args(["-c", &command]).output().expect("bash");
    assert!(status.status.success(), "{status:?}");
    drop(place);
    assert!(bridge.stop().success());
}

#[test]
fn outputs_match_the_golden_files() {
    let (bridge, place) = serve(&["topics.partitions=1"]);
    post_samples(&bridge);
    let run = |args: &[&str]| {
        let args = [&["tail", "--from", "beginning", "--until-end"], args].concat();
        normal(&place.run(&args).expect_code(0).text(), &bridge.prefix)
    };
    golden::same("tail.txt", &run(&[]));
    let topic = bridge.topic("contact.updated");
    let line = run(&["--json", "--topic", &topic]);
    let mut line: Value = serde_json::from_str(&line).expect("a line");
    line["timestamp"] = 0.into();
    golden::same("tail.json", &format!("{line:#}\n"));
    assert!(bridge.stop().success());
}
