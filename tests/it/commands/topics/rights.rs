//! Rights from `topics export` suffice and each is necessary.

mod readers;

use super::{Team, topics};
use crate::kit::bridge::{Bridge, PATH, until};
use crate::kit::consume::{create_topic_with, topic_config, topic_end, topic_partitions};
use crate::kit::http;
use crate::kit::kafka::Kafka;
use crate::kit::secured::{PLAIN, Secured};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use yaml_rust2::YamlLoader;

type Right = (String, String, String);

/// One test at a time, because the tests share the user.
fn guarded() -> MutexGuard<'static, Secured> {
    static GUARDED: OnceLock<Mutex<Secured>> = OnceLock::new();
    let guarded = GUARDED.get_or_init(|| Mutex::new(Kafka::start_guarded()));
    guarded.lock().unwrap_or_else(PoisonError::into_inner)
}

fn team(broker: &Secured, further: &[&str]) -> Team {
    let mut team = Team::new(&broker.sasl, further);
    team.settings.extend([
        "kafka.properties.security.protocol=sasl_plaintext".into(),
        format!("kafka.properties.sasl.mechanism={}", PLAIN.mechanism),
        format!("kafka.properties.sasl.username={}", PLAIN.name),
        format!("kafka.properties.sasl.password={}", PLAIN.password),
    ]);
    team
}

fn exported(team: &Team, commands: &str) -> Vec<Right> {
    let words = ["export", "--format", "strimzi", "--cluster", "c", "--for", commands];
    let text = topics(&words, &team.settings).expect_code(0);
    let documents = YamlLoader::load_from_str(&text).expect("YAML");
    let user = documents.last().expect("a user");
    let mut rights = Vec::new();
    for acl in user["spec"]["authorization"]["acls"].as_vec().expect("rights") {
        let kind = in_capitals(acl["resource"]["type"].as_str().expect("a type")).to_lowercase();
        let mut name = acl["resource"]["name"].as_str().unwrap_or("kafka-cluster").to_owned();
        if acl["resource"]["patternType"].as_str() == Some("prefix") {
            name.push('*');
        }
        for operation in acl["operations"].as_vec().expect("operations") {
            let operation = operation.as_str().expect("a name");
            rights.push((in_capitals(operation), kind.clone(), name.clone()));
        }
    }
    rights
}

fn in_capitals(name: &str) -> String {
    let mut capitals = String::new();
    for char in name.chars() {
        if char.is_uppercase() && !capitals.is_empty() {
            capitals.push('_');
        }
        capitals.push(char.to_ascii_uppercase());
    }
    capitals
}

fn grant(broker: &Secured, rights: &[Right]) {
    let rights: Vec<_> =
        rights.iter().map(|(operation, kind, name)| (&**operation, &**kind, &**name)).collect();
    broker.grant(&PLAIN, &rights);
}

fn without(rights: &[Right], operation: &str) -> Vec<Right> {
    let left: Vec<Right> = rights.iter().filter(|right| right.0 != operation).cloned().collect();
    assert_ne!(left.len(), rights.len(), "the exported rights lack {operation}");
    left
}

fn serve(team: &Team) -> Bridge {
    let settings: Vec<&str> = team.settings.iter().map(String::as_str).collect();
    Bridge::start(
        &team.settings[0]["kafka.bootstrap_servers=".len()..],
        &[&settings[..], &["kafka.ack_deadline=5s"]].concat(),
    )
}

const EVENT: &str = r#"{"type":"call.missed","timestamp":"2026-01-01T00:00:00Z","data":{"call_id":"call-N","from":"+14155550123","to":"+14155550124","ring_duration":25}}"#;

fn is_acked(bridge: &Bridge, number: usize) -> bool {
    let body = EVENT.replace("call-N", &format!("call-{number}"));
    let answer =
        http::post(bridge.ingress, PATH, &[("connection", "close")], body.as_bytes()).expect("an answer");
    assert!([200, 503].contains(&answer.status), "{} {}", answer.status, answer.text());
    answer.status == 200
}

/// A granted right applies after a delay.
fn until_acked(bridge: &Bridge) {
    let deadline = Instant::now() + Duration::from_secs(90);
    let mut number = 0;
    while !is_acked(bridge, number) {
        assert!(Instant::now() < deadline, "no event was acknowledged with the rights exported");
        number += 1;
    }
}

#[test]
fn serve_runs_with_exactly_the_rights_exported() {
    let broker = guarded();
    let team = team(&broker, &["topics.partitions=1"]);
    let rights = exported(&team, "serve");
    assert_eq!(rights.len(), 8, "two for each of four topics: {rights:?}");
    grant(&broker, &rights);
    let bridge = serve(&team);
    until_acked(&bridge);
    assert!(topic_end(broker.kafka.bootstrap(), &team.topic("calls")) >= 1);
    let answer = bridge.post(b"no JSON");
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(topic_end(broker.kafka.bootstrap(), &team.topic("dead-letter")), 1);
}

#[test]
fn serve_creates_nothing_without_create_and_needs_it_for_nothing_else() {
    let broker = guarded();
    let team = team(&broker, &["topics.partitions=1"]);
    grant(&broker, &without(&exported(&team, "serve"), "CREATE"));
    let bridge = serve(&team);
    assert!(!is_acked(&bridge, 0), "the topic was created without the right");
    create_topic_with(broker.kafka.bootstrap(), &team.topic("calls"), 1, 1, &[]);
    until_acked(&bridge);

    let alone = exported(
        &Team {
            prefix: team.prefix.clone(),
            settings: [&team.settings[..], &["topics.create_missing=false".into()]].concat(),
        },
        "serve",
    );
    assert_eq!(alone, without(&exported(&team, "serve"), "CREATE"));
}

#[test]
fn serve_writes_nothing_without_write() {
    let broker = guarded();
    let team = team(&broker, &["topics.partitions=1"]);
    create_topic_with(broker.kafka.bootstrap(), &team.topic("calls"), 1, 1, &[]);
    let rights = exported(&team, "serve");
    let mut reduced = without(&rights, "WRITE");
    // The topic must be visible; the test is about another right.
    reduced.push(("DESCRIBE".into(), "topic".into(), team.topic("calls")));
    grant(&broker, &reduced);
    let bridge = serve(&team);
    bridge.wait_ready(true);
    assert!(!is_acked(&bridge, 0), "a record was written without the right");
    assert_eq!(topic_end(broker.kafka.bootstrap(), &team.topic("calls")), 0);
    grant(&broker, &rights);
    until_acked(&bridge);
}

#[test]
fn plan_needs_describe_rights_on_topics_and_configurations() {
    let broker = guarded();
    let team = team(&broker, &["topics.config={retention.ms: 604800000}"]);
    create_topic_with(broker.kafka.bootstrap(), &team.topic("calls"), 1, 1, &[]);
    let rights = exported(&team, "plan");
    grant(&broker, &rights);
    until("plan with its rights", || team.run(&["plan"]).code == 0);
    let plan = team.run(&["plan"]).expect_code(0);
    assert!(plan.contains("3 to create, 1 as in the settings"), "{plan}");

    grant(&broker, &without(&rights, "DESCRIBE_CONFIGS"));
    until("configuration is hidden", || team.run(&["plan"]).out.contains("DescribeConfigs"));
    assert_eq!(team.run(&["plan", "--exit-code"]).code, 3);

    grant(&broker, &without(&rights, "DESCRIBE"));
    until("topics are hidden", || team.run(&["plan"]).code == 1);
    let run = team.run(&["plan"]);
    assert!(run.err.contains("the right Describe"), "{}{}", run.out, run.err);
    assert!(!run.out.contains("create"), "{}", run.out);
}

#[test]
fn apply_needs_each_of_its_rights() {
    let broker = guarded();
    let bootstrap = broker.kafka.bootstrap().to_owned();
    let settings =
        ["topics.partitions=2", "topics.replication_factor=1", "topics.config={retention.ms: 604800000}"];
    let team = team(&broker, &settings);
    let calls = team.topic("calls");
    create_topic_with(&bootstrap, &calls, 1, 1, &[("retention.ms", "1000"), ("segment.bytes", "2097152")]);
    let rights = exported(&team, "apply");
    let apply = || team.run(&["apply", "--yes", "--add-partitions"]);
    let failed = |out: &str| {
        out.lines().filter(|line| line.starts_with("failed ")).map(str::to_owned).collect::<Vec<_>>()
    };

    grant(&broker, &without(&rights, "CREATE"));
    until("creation is refused", || failed(&apply().out).len() == 3);
    let output = apply();
    assert!(failed(&output.out).iter().all(|line| line.contains("right Create")), "{}", output.out);
    assert_eq!(output.code, 1);
    assert_eq!(
        (topic_partitions(&bootstrap, &calls), topic_partitions(&bootstrap, &team.topic("sms"))),
        (Some(2), None)
    );

    create_topic_with(&bootstrap, &team.topic("sms"), 1, 1, &[("retention.ms", "604800000")]);
    let mut reduced = without(&rights, "ALTER");
    reduced.push(("DESCRIBE".into(), "topic".into(), team.topic("sms")));
    grant(&broker, &reduced);
    until("widening is refused", || apply().out.contains("right Alter on"));
    assert_eq!(topic_partitions(&bootstrap, &team.topic("sms")), Some(1));

    let rest = team.topic("rest");
    create_topic_with(&bootstrap, &rest, 2, 1, &[("segment.bytes", "2097152"), ("retention.ms", "1000")]);
    let mut reduced = without(&rights, "ALTER_CONFIGS");
    reduced.push(("DESCRIBE_CONFIGS".into(), "topic".into(), rest.clone()));
    grant(&broker, &reduced);
    until("alteration is refused", || apply().out.contains("AlterConfigs"));
    assert_eq!(topic_config(&bootstrap, &rest)["retention.ms"], "1000");

    grant(&broker, &rights);
    until("apply with its rights", || apply().code == 0);
    let config = topic_config(&bootstrap, &rest);
    assert_eq!((config["retention.ms"].as_str(), config["segment.bytes"].as_str()), ("604800000", "2097152"));
    assert_eq!(topic_partitions(&bootstrap, &team.topic("sms")), Some(2));
}
